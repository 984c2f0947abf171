import type { PixelFigures } from './image-figures.ts'

/** From best to worst. */
export const VERDICTS = ['good', 'fair', 'poor', 'unusable'] as const

export type Verdict = (typeof VERDICTS)[number]

/** The inputs of a verdict. Width and height are as displayed, in pixels. */
export interface QualityFigures extends PixelFigures {
  width: number
  height: number
}

type Worse = Exclude<Verdict, 'good'>

interface Rule {
  /** Start of the reason. */
  fault: string
  figure: 'shorter side' | keyof PixelFigures
  /** Whether values `below` a limit are bad, or `at least` the limit. */
  bad: 'below' | 'at least'
  limits: Partial<Record<Worse, number>>
}

/**
 * The table of thresholds that the profile `image-quality` documents (a test compares the two).
 * Each rule has one limit per verdict; the worst verdict that any rule gives is the image's.
 */
export const RULES: readonly Rule[] = [
  { fault: 'too small', figure: 'shorter side', bad: 'below', limits: { unusable: 32, poor: 96, fair: 240 } },
  { fault: 'too dark', figure: 'brightness', bad: 'below', limits: { unusable: 12, poor: 40, fair: 70 } },
  { fault: 'too bright', figure: 'brightness', bad: 'at least', limits: { unusable: 245, poor: 220, fair: 195 } },
  {
    fault: 'black areas',
    figure: 'near_black_share',
    bad: 'at least',
    limits: { unusable: 0.9, poor: 0.5, fair: 0.25 },
  },
  { fault: 'burnt out', figure: 'clipped_share', bad: 'at least', limits: { unusable: 0.9, poor: 0.5, fair: 0.25 } },
  { fault: 'too little contrast', figure: 'contrast', bad: 'below', limits: { unusable: 4, poor: 15, fair: 20 } },
  { fault: 'blurred', figure: 'sharpness', bad: 'below', limits: { unusable: 2, poor: 30, fair: 100 } },
]

/** The reason of a good image. */
export const NO_FAULT = 'no fault found'

/** Returns an image's verdict and every rule that caused it, with value and limit. */
export function judge(figures: QualityFigures): { verdict: Verdict; reason: string } {
  for (const verdict of ['unusable', 'poor', 'fair'] as const) {
    const faults = RULES.flatMap((rule) => {
      const limit = rule.limits[verdict]
      const value = figureOf(rule, figures)
      if (limit === undefined || !(rule.bad === 'below' ? value < limit : value >= limit)) return []
      return [`${rule.fault}: ${rule.figure} ${value} is ${rule.bad} ${limit}`]
    })
    if (faults.length > 0) return { verdict, reason: faults.join('; ') }
  }
  return { verdict: 'good', reason: NO_FAULT }
}

function figureOf(rule: Rule, figures: QualityFigures): number {
  return rule.figure === 'shorter side' ? Math.min(figures.width, figures.height) : figures[rule.figure]
}
