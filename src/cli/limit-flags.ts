import { Flags } from '@oclif/core'
import { ImageryError } from '../contracts/errors.ts'
import type { FailureLimit } from '../contracts/run-controls.ts'

/** An amount in US dollars, such as 25 or 0.5. */
export const usd = (flag: string, { min }: { min: 'positive' | 'zero' }) =>
  Flags.custom<number>({
    parse(input) {
      const amount = /^\d+(?:\.\d+)?$/.test(input) ? Number(input) : Number.NaN
      if (amount > 0 || (amount === 0 && min === 'zero')) return Promise.resolve(amount)
      throw new ImageryError('INVALID_FLAG', `--${flag} ${input} is not an amount in US dollars`, {
        suggestions: [`--${flag} 25`],
      })
    },
  })

/** A number, a share such as `2%`, or null for `none`. */
export const maxFailures = Flags.custom<FailureLimit>({
  parse(input) {
    if (input === 'none') return Promise.resolve(null)
    if (/^[1-9]\d{0,8}$/.test(input)) return Promise.resolve(Number(input))
    const percent = Number(/^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(input)?.[1])
    if (percent > 0 && percent <= 100) return Promise.resolve({ percent })
    const isShare = input.endsWith('%')
    const why = isShare
      ? 'is not a share of the assets between 0% and 100%'
      : 'is neither a number of assets, a share of them such as 2%, nor none'
    throw new ImageryError('INVALID_FLAG', `--max-failures ${input} ${why}`, {
      suggestions: [isShare ? '--max-failures 2%' : '--max-failures 50', '--max-failures none'],
    })
  },
})

/** Flags of resume and retry for the limits that stop a run before its end. */
export const limitFlags = {
  'max-cost': usd('max-cost', { min: 'positive' })({
    summary: 'most that all calls of the run may cost, in US dollars (default: unchanged)',
    helpGroup: 'LIMITS',
    helpValue: 'USD',
  }),
  'max-failures': maxFailures({
    summary:
      'stop when N assets in a row fail alike, or N% of the assets of the run; none sets no limit (default: unchanged)',
    helpGroup: 'LIMITS',
    helpValue: 'N|N%',
  }),
}
