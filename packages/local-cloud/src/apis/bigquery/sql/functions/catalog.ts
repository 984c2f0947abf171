import { arrays, arraySpecials } from './arrays.ts'
import { conditionals } from './conditionals.ts'
import { dates, dateSpecials } from './dates.ts'
import { geography } from './geography.ts'
import { json, jsonSpecials } from './json.ts'
import { numbers } from './numbers.ts'
import type { PlainFunctions, SpecialFunctions } from './signature.ts'
import { strings, stringSpecials } from './strings.ts'

/** Every scalar function that is translated. */
export const scalarFunctions: { plain: PlainFunctions; special: SpecialFunctions } = {
  plain: { ...strings, ...numbers, ...dates, ...json, ...arrays, ...geography },
  special: { ...conditionals, ...stringSpecials, ...dateSpecials, ...jsonSpecials, ...arraySpecials },
}
