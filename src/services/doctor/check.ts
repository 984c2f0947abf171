import type { Deployment, Target } from '../session/target.ts'

/**
 * - `ok`: as it should be
 * - `warning`: works, or will after the fix, but somebody should know
 * - `failed`: commands will fail
 * - `unknown`: this account may not look
 */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'unknown'

export interface Finding {
  status: CheckStatus
  detail: string
  /** Commands to paste, or what to do, most likely first. */
  fixes: readonly string[]
}

/** What the checks look at. */
export interface DoctorContext {
  target: Target
  /** The folder of the built runtime. */
  runtimeFolder: string
  /** Whom policies name the caller by; with a word in capitals to fill in when its tokens do not tell. */
  member: string
  /** Undefined when there is none; `hidden` when this account may not look. */
  deployment: Deployment | 'hidden' | undefined
  /** A Gemini model, and the location that answers. */
  model: string
  location: string
  /** A BigQuery table as the user wrote it. */
  table: string | undefined
}

/** One look at one thing that commands need. */
export interface Check {
  /** For programs: lower case, digits and underscores. */
  name: string
  title: string
  run(context: DoctorContext): Promise<Finding>
}

/** A check with what was found. */
export interface CheckedThing extends Finding {
  check: string
  title: string
}

export const ok = (detail: string): Finding => ({ status: 'ok', detail, fixes: [] })

export const warning = (detail: string, ...fixes: string[]): Finding => ({ status: 'warning', detail, fixes })

export const failed = (detail: string, ...fixes: string[]): Finding => ({ status: 'failed', detail, fixes })

export const unknown = (detail: string, ...fixes: string[]): Finding => ({ status: 'unknown', detail, fixes })
