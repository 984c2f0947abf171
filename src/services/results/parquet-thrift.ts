import { THRIFT, type ThriftField, type ThriftStruct } from '../source/thrift.ts'

/** Fields of Thrift structs. */

export function intField(id: number, value: number): ThriftField {
  return { id, type: THRIFT.i32, value: BigInt(value) }
}

export function longField(id: number, value: number): ThriftField {
  return { id, type: THRIFT.i64, value: BigInt(value) }
}

export function flagField(id: number, value: boolean): ThriftField {
  return { id, type: value ? THRIFT.yes : THRIFT.no, value }
}

export function binaryField(id: number, value: string | Buffer): ThriftField {
  return { id, type: THRIFT.binary, value: Buffer.from(value) }
}

export function structField(id: number, value: ThriftStruct): ThriftField {
  return { id, type: THRIFT.struct, value }
}

export function intsField(id: number, values: readonly number[]): ThriftField {
  return { id, type: THRIFT.list, value: { of: THRIFT.i32, items: values.map(BigInt) } }
}

export function textsField(id: number, values: readonly string[]): ThriftField {
  return { id, type: THRIFT.list, value: { of: THRIFT.binary, items: values.map((value) => Buffer.from(value)) } }
}

/** @param items structs, or what `writeStruct` made of them */
export function structsField(id: number, items: (ThriftStruct | Buffer)[]): ThriftField {
  return { id, type: THRIFT.list, value: { of: THRIFT.struct, items } }
}
