/**
 * Gives the memory of a buffer back now; nothing may use the buffer afterwards. Blocks of megabytes that wait for the garbage
 * collector start it for every second photo, which took as long as decoding them, and exceed the budget for decoding
 * (https://tc39.es/ecma262/#sec-arraybuffer.prototype.transfer).
 */
export function giveBack({ buffer, byteLength }: Buffer): void {
  // A small buffer can share its block with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
