import { SqlFailure, unsupported } from './failure.ts'
import type { TokenReader } from './token-reader.ts'
import { scalarByName, type SqlType, type StructField } from './types.ts'

/** A type as written in CAST, ARRAY<…> and STRUCT<…>. Parameters of a type (`STRING(10)`) are refused. */
export function parseType(reader: TokenReader): SqlType {
  return reader.nested(() => type(reader))
}

function type(reader: TokenReader): SqlType {
  const token = reader.fieldName()
  const word = token.text.toUpperCase()
  if (word === 'ARRAY') {
    reader.expectSymbol('<')
    const element = parseType(reader)
    reader.expectSymbol('>')
    if (element.kind === 'ARRAY') throw new SqlFailure('Arrays of arrays are not supported', token.at)
    return { kind: 'ARRAY', element }
  }
  if (word === 'STRUCT') {
    reader.expectSymbol('<')
    const fields: StructField[] = []
    do fields.push(structField(reader))
    while (reader.symbol(','))
    reader.expectSymbol('>')
    return { kind: 'STRUCT', fields }
  }
  const scalar = scalarByName(word)
  if (!scalar) {
    if (word === 'INTERVAL' || word === 'RANGE') throw unsupported(`the ${word} type`, token.at)
    throw new SqlFailure(`Type not found: ${token.text}`, token.at)
  }
  if (reader.isSymbol('(')) throw unsupported(`a parameterized type (${word}(…))`, token.at)
  return scalar
}

function structField(reader: TokenReader): StructField {
  const isNamed = reader.isName() && (reader.peek(1).kind === 'name' || reader.peek(1).kind === 'quotedName')
  const name = isNamed ? reader.name().text : null
  return { name, type: parseType(reader) }
}
