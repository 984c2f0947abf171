import { typed, type Typed } from '../analysis.ts'
import { concatenate } from '../analyze-operators.ts'
import { bounded, once } from '../bounds.ts'
import { nullOf } from '../coercion.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import { arrayOf, INT64, STRING, typeName, type SqlType } from '../types.ts'
import { signature, type PlainFunctions, type SpecialFunctions } from './signature.ts'

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/array_functions */
export const arrays: PlainFunctions = {
  ARRAY_TO_STRING: [
    signature([arrayOf(STRING), STRING], STRING, (args) =>
      once(args, (items, separator) =>
        bounded(
          `array_to_string(list_filter(${items}, lambda e: e IS NOT NULL), ${separator})`,
          `len(${items}) * (strlen(${separator}) + 1)`,
        ),
      ),
    ),
  ],
  GENERATE_ARRAY: [
    signature([INT64, INT64], arrayOf(INT64), ([from, to]) => series(from!, to!, 'CAST(1 AS BIGINT)'), {
      repeats: true,
    }),
    signature([INT64, INT64, INT64], arrayOf(INT64), ([from, to, step]) => series(from!, to!, step!), {
      repeats: true,
    }),
  ],
  GENERATE_UUID: [signature([], STRING, () => 'CAST(uuid() AS VARCHAR)', { volatile: true })],
  ERROR: [signature([STRING], INT64, ([message]) => `error('bq:' || ${message})`)],
}

/** The function of ours checks how many elements there will be, for a row and for a batch of them. */
function series(first: string, last: string, by: string): string {
  return once(
    [first, last, by],
    (from, to, step) => `generate_series(${from}, bq_series_end(${from}, ${to}, ${step}), ${step})`,
  )
}

function array(name: string, value: Typed | undefined, at: number): SqlType {
  if (value?.type.kind !== 'ARRAY') {
    throw new SqlFailure(
      `No matching signature for function ${name} for argument types: ${value ? typeName(value.type) : 'none'}`,
      at,
    )
  }
  return value.type.element
}

export const arraySpecials: SpecialFunctions = {
  ARRAY_LENGTH: (call, at, place) => {
    const [value] = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    if (value?.literal?.type === 'NULL') return nullOf(INT64, at)
    array('ARRAY_LENGTH', value, at)
    return typed(`len(${value!.sql})`, INT64, at, [value!])
  },
  ARRAY_REVERSE: (call, at, place) => {
    const [value] = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    array('ARRAY_REVERSE', value, at)
    return typed(`list_reverse(${value!.sql})`, value!.type, at, [value!])
  },
  ARRAY_CONCAT: (call, at, place) => {
    const values = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    for (const value of values) array('ARRAY_CONCAT', value, at)
    if (values.length === 0) throw unsupported('ARRAY_CONCAT without arguments', at)
    return concatenate(values, 'function ARRAY_CONCAT', at)
  },
}
