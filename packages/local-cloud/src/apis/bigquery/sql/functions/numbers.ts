import { notZero } from '../analyze-operators.ts'
import { once } from '../bounds.ts'
import { BOOL, FLOAT64, INT64, NUMERIC } from '../types.ts'
import { passing, signature, type PlainFunctions } from './signature.ts'

const cast = (sql: string): string => `CAST(${sql} AS DECIMAL(38,9))`

const modulo = ([x, y]: readonly string[]): string =>
  once([x!, y!], (dividend, divisor) => `(${dividend} % ${notZero(divisor, dividend, 'MOD', false)})`)

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions */
export const numbers: PlainFunctions = {
  ABS: [
    signature([INT64], INT64, passing('abs')),
    signature([NUMERIC], NUMERIC, ([x]) => cast(`abs(${x})`)),
    signature([FLOAT64], FLOAT64, passing('abs')),
  ],
  SIGN: [
    signature([INT64], INT64, ([x]) => `CAST(sign(${x}) AS BIGINT)`),
    signature([NUMERIC], NUMERIC, ([x]) => cast(`sign(${x})`)),
  ],
  MOD: [
    signature([INT64, INT64], INT64, modulo, { repeats: true }),
    signature([NUMERIC, NUMERIC], NUMERIC, (args) => cast(modulo(args)), { repeats: true }),
  ],
  DIV: [signature([INT64, INT64], INT64, ([x, y]) => `bq_int_divide(${x}, ${y})`)],
  IEEE_DIVIDE: [signature([FLOAT64, FLOAT64], FLOAT64, passing('bq_ieee_divide'))],
  IS_NAN: [signature([FLOAT64], BOOL, passing('isnan'))],
  IS_INF: [signature([FLOAT64], BOOL, passing('isinf'))],
  ROUND: [
    signature([FLOAT64], FLOAT64, passing('round')),
    signature([NUMERIC], NUMERIC, ([x]) => cast(`round(${x})`)),
    signature([FLOAT64, INT64], FLOAT64, passing('bq_round')),
  ],
  TRUNC: [signature([FLOAT64], FLOAT64, passing('trunc'))],
  FLOOR: [signature([FLOAT64], FLOAT64, passing('floor')), signature([NUMERIC], NUMERIC, ([x]) => cast(`floor(${x})`))],
  CEIL: [signature([FLOAT64], FLOAT64, passing('ceil')), signature([NUMERIC], NUMERIC, ([x]) => cast(`ceil(${x})`))],
  CEILING: [signature([FLOAT64], FLOAT64, passing('ceil')), signature([NUMERIC], NUMERIC, ([x]) => cast(`ceil(${x})`))],
  SQRT: [signature([FLOAT64], FLOAT64, passing('bq_sqrt'))],
  POW: [signature([FLOAT64, FLOAT64], FLOAT64, passing('bq_pow'))],
  POWER: [signature([FLOAT64, FLOAT64], FLOAT64, passing('bq_pow'))],
  EXP: [signature([FLOAT64], FLOAT64, passing('bq_exp'))],
  LN: [signature([FLOAT64], FLOAT64, passing('bq_ln'))],
  LOG10: [signature([FLOAT64], FLOAT64, passing('bq_log10'))],
  RAND: [signature([], FLOAT64, () => 'random()', { volatile: true })],
}
