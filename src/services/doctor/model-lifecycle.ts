/** The date of the table below. */
export const LIFECYCLE_DATED = '2026-11-24'

/** A model's retirement, and its replacement. */
export interface Retirement {
  /** The retirement date if it is fixed, else the earliest possible date. */
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

/** Returns a model's retirement, or undefined if none is known. */
export function retirementOf(model: string): Retirement | undefined {
  return Object.hasOwn(RETIREMENTS, model) ? RETIREMENTS[model] : undefined
}
