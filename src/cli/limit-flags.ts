import { Flags } from '@oclif/core'
import { ImageryError } from '../contracts/errors.ts'

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

/** A number, or null for `none`. */
export const maxFailures = Flags.custom<number | null>({
  parse(input) {
    if (input === 'none') return Promise.resolve(null)
    if (/^[1-9]\d{0,8}$/.test(input)) return Promise.resolve(Number(input))
    throw new ImageryError('INVALID_FLAG', `--max-failures ${input} is neither a number of assets nor none`, {
      suggestions: ['--max-failures 50', '--max-failures none'],
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
    summary: 'stop when N assets in a row fail alike; none sets no limit (default: unchanged)',
    helpGroup: 'LIMITS',
    helpValue: 'N',
  }),
}
