import { typed, type Place, type Typed } from './analysis.ts'
import { coerce } from './coercion.ts'
import { SqlFailure, unsupported } from './failure.ts'
import { scalarFunctions } from './functions/catalog.ts'
import { AGGREGATE_NAMES, WINDOW_NAMES } from './functions/names.ts'
import { isBigQueryFunction } from './functions/known.ts'
import type { Signature } from './functions/signature.ts'
import type { Call } from './syntax.ts'
import { typeName } from './types.ts'

/** Translates a function call. Only functions that are known to agree with BigQuery pass; all others are refused by name. */
export function functionCall(call: Call, at: number, place: Place): Typed {
  if (AGGREGATE_NAMES.has(call.name) || WINDOW_NAMES.has(call.name) || call.over) {
    return place.analysis.rules.aggregate(call, at, place)
  }
  const modifier = call.distinct
    ? 'DISTINCT'
    : call.nulls
      ? `${call.nulls} NULLS`
      : call.having
        ? 'HAVING'
        : call.limit
          ? 'LIMIT'
          : call.orderBy.length > 0
            ? 'ORDER BY'
            : undefined
  if (modifier) throw new SqlFailure(`Call to function ${call.name} cannot have ${modifier} in arguments`, at)
  const special = Object.hasOwn(scalarFunctions.special, call.name) ? scalarFunctions.special[call.name] : undefined
  if (special) return special(call, at, place)
  const signatures = Object.hasOwn(scalarFunctions.plain, call.name) ? scalarFunctions.plain[call.name] : undefined
  if (!signatures) {
    if (isBigQueryFunction(call.name)) throw unsupported(`the function ${call.name}`, at)
    throw new SqlFailure(`Function not found: ${call.name}`, at)
  }
  const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  return applySignature(call.name, signatures, args, at)
}

/** The first signature that the arguments fit, exactly before by conversion. */
export function applySignature(
  name: string,
  signatures: readonly Signature[],
  args: readonly Typed[],
  at: number,
): Typed {
  for (const exact of [true, false]) {
    for (const signature of signatures) {
      const values = matched(signature, args, exact)
      if (!values) continue
      if (values.some((value) => value.volatile) && signature.repeats) {
        throw unsupported(`${name} of an expression that differs with each evaluation`, at)
      }
      const returns = typeof signature.returns === 'function' ? signature.returns(values) : signature.returns
      const result = typed(
        signature.sql(
          values.map((value) => value.sql),
          values,
        ),
        returns,
        at,
        values,
      )
      return signature.volatile ? { ...result, volatile: true } : result
    }
  }
  const types = args.map((arg) => (arg.literal?.type === 'NULL' ? 'NULL' : typeName(arg.type))).join(', ')
  throw new SqlFailure(`No matching signature for function ${name} for argument types: ${types}`, at)
}

function matched(signature: Signature, args: readonly Typed[], exact: boolean): Typed[] | undefined {
  const { parameters, rest, optional = 0 } = signature
  if (args.length < parameters.length - optional) return undefined
  if (args.length > parameters.length && !rest) return undefined
  const values: Typed[] = []
  for (const [index, arg] of args.entries()) {
    const parameter = parameters[index] ?? rest!
    if (parameter === 'any') values.push(arg)
    else {
      const fits = !exact || arg.type.kind === parameter.kind || arg.literal?.type === 'NULL'
      const converted = fits ? coerce(arg, parameter) : undefined
      if (!converted) return undefined
      values.push(converted)
    }
  }
  return values
}
