/** Memory that is kept for the next bytes. */
const KEPT_BYTES = 4 * 1024 * 1024

/** Bytes that are written one after the other, the least significant byte of a number first. */
export class GrowingBytes {
  #bytes = Buffer.allocUnsafeSlow(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What has been written, until the next call of another method. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(256)
  }

  byte(value: number): void {
    const at = this.#room(1)
    this.#bytes[at] = value
    this.#length += 1
  }

  /** Sets a bit of the last byte. */
  setBit(bit: number): void {
    this.#bytes[this.#length - 1]! |= 1 << bit
  }

  /** An unsigned number of at most 31 bits, 7 of them in a byte. */
  varint(value: number): void {
    let rest = value
    for (; rest > 127; rest >>>= 7) this.byte((rest & 127) | 128)
    this.byte(rest)
  }

  int32(value: number): void {
    const at = this.#room(4)
    this.#bytes.writeInt32LE(value, at)
    this.#length += 4
  }

  /** @param value a number must be a safe integer */
  int64(value: number | bigint): void {
    const at = this.#room(8)
    if (typeof value === 'bigint') this.#bytes.writeBigInt64LE(value, at)
    else {
      // A bigint for each number would take most of the time.
      this.#bytes.writeInt32LE(value | 0, at)
      this.#bytes.writeInt32LE(Math.floor(value / 2 ** 32), at + 4)
    }
    this.#length += 8
  }

  double(value: number): void {
    const at = this.#room(8)
    this.#bytes.writeDoubleLE(value, at)
    this.#length += 8
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    this.#length += value.length
  }

  /** A text in UTF-8 after its length in bytes, which it returns. */
  text(value: string): number {
    const at = this.#room(4 + value.length * 3)
    const length = this.#bytes.write(value, at + 4)
    this.#bytes.writeInt32LE(length, at)
    this.#length += 4 + length
    return length
  }

  /** Makes room for more bytes, which can be in new memory. Returns where they begin. */
  #room(count: number): number {
    const needed = this.#length + count
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
      larger.set(this.written)
      this.#bytes = larger
    }
    return this.#length
  }
}
