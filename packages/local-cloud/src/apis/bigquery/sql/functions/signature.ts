import type { Place, Typed } from '../analysis.ts'
import type { Call } from '../syntax.ts'
import type { SqlType } from '../types.ts'

/** One overload of a function. */
export interface Signature {
  parameters: readonly (SqlType | 'any')[]
  /** The type of any further arguments. */
  rest?: SqlType | 'any'
  /** How many of the last parameters may be left out. */
  optional?: number
  returns: SqlType | ((args: readonly Typed[]) => SqlType)
  /** DuckDB's text; NULL for a NULL argument unless the function's description differs. */
  sql: (args: readonly string[], typed: readonly Typed[]) => string
  /** The text holds an argument more than once. */
  repeats?: boolean
  volatile?: boolean
}

/** A function whose arguments are not plain values (date parts, intervals) or whose type depends on them. */
export type SpecialFunction = (call: Call, at: number, place: Place) => Typed

export type PlainFunctions = Record<string, readonly Signature[]>
export type SpecialFunctions = Record<string, SpecialFunction>

export function signature(
  parameters: readonly (SqlType | 'any')[],
  returns: Signature['returns'],
  sql: Signature['sql'],
  options: Pick<Signature, 'rest' | 'optional' | 'repeats' | 'volatile'> = {},
): Signature {
  return { parameters, returns, sql, ...options }
}

/** A call of a DuckDB function, or of one of ours, with the same arguments in the same order. */
export function passing(name: string): Signature['sql'] {
  return (args) => `${name}(${args.join(', ')})`
}
