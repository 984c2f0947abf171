import type { Deployment, Target } from '../session/target.ts'

/**
 * - `ok`: no problem
 * - `warning`: works, or will after the fix, but the user should know
 * - `failed`: commands will fail
 * - `unknown`: this account is not allowed to check
 */
export type CheckStatus = 'ok' | 'warning' | 'failed' | 'unknown'

export interface Finding {
  status: CheckStatus
  detail: string
  /** Commands to run, or what to do, most likely fix first. */
  fixes: readonly string[]
}

/** The input of the checks. */
export interface DoctorContext {
  target: Target
  /** The folder of the built runtime. */
  runtimeFolder: string
  /** The caller as an IAM member, with a placeholder in capitals if its tokens do not identify it. */
  member: string
  /** Undefined if there is none; `hidden` if this account is not allowed to check. */
  deployment: Deployment | 'hidden' | undefined
  /** A Gemini model and its location. */
  model: string
  location: string
  /** Whether a deploy builds an image. */
  isBuilding: boolean
  /** A BigQuery table as the user wrote it. */
  table: string | undefined
}

/** Checks one thing that commands need. */
export interface Check {
  /** For programs: lower case, digits and underscores. */
  name: string
  title: string
  run(context: DoctorContext): Promise<Finding>
}

/** A check with its finding. */
export interface CheckedThing extends Finding {
  check: string
  title: string
}

export const ok = (detail: string): Finding => ({ status: 'ok', detail, fixes: [] })

export const warning = (detail: string, ...fixes: string[]): Finding => ({ status: 'warning', detail, fixes })

export const failed = (detail: string, ...fixes: string[]): Finding => ({ status: 'failed', detail, fixes })

export const unknown = (detail: string, ...fixes: string[]): Finding => ({ status: 'unknown', detail, fixes })
