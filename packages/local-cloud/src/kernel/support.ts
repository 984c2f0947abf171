/** How far a method or a rule of one API is emulated; `packages/local-cloud/docs/emulator-support.md` is generated from such lines. */
export interface SupportEntry {
  method: string
  state: 'yes' | 'partly' | 'no'
  /** Differences from Google; empty when there are none. */
  note: string
}
