/** A fault of a profile, and the path from the top to where it is. */
export interface ProfileProblem {
  path: readonly (string | number)[]
  reason: string
}
