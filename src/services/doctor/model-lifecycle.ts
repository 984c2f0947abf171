/** The day on which the table was read. */
export const LIFECYCLE_DATED = '2026-11-24'

/** When a model ends, and what to ask instead. */
export interface Retirement {
  /** The last day of a model with an end; else the day that its end will not come before. */
  day: string
  isFixed: boolean
  instead?: string
}

/** https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions */
const RETIREMENTS: Readonly<Record<string, Retirement>> = {
  'gemini-2.0-flash': { day: '2026-02-05', isFixed: true, instead: 'gemini-3.5-flash-lite' },
  'gemini-2.0-flash-001': { day: '2026-02-05', isFixed: true, instead: 'gemini-3.5-flash-lite' },
  'gemini-2.0-flash-lite': { day: '2026-02-25', isFixed: true, instead: 'gemini-3.1-flash-lite' },
  'gemini-2.0-flash-lite-001': { day: '2026-02-25', isFixed: true, instead: 'gemini-3.1-flash-lite' },
  'gemini-2.5-pro': { day: '2026-10-20', isFixed: true, instead: 'gemini-3.5-flash' },
  'gemini-2.5-flash': { day: '2026-10-20', isFixed: true, instead: 'gemini-3.5-flash-lite' },
  'gemini-2.5-flash-lite': { day: '2026-10-20', isFixed: true, instead: 'gemini-3.1-flash-lite' },
  'gemini-3.1-flash-lite': { day: '2027-05-07', isFixed: false },
  'gemini-3.5-flash': { day: '2027-05-19', isFixed: false },
  'gemini-3.5-flash-lite': { day: '2027-07-21', isFixed: false },
}

/** What is known of a model's end; undefined when nothing is. */
export function retirementOf(model: string): Retirement | undefined {
  return Object.hasOwn(RETIREMENTS, model) ? RETIREMENTS[model] : undefined
}
