/** Expected ways in which a local cloud does not start. */
export type LocalCloudErrorCode =
  /** Another process has the data folder. */
  | 'ALREADY_RUNNING'
  /** A port that was asked for by number is taken. */
  | 'PORT_TAKEN'
  /** The data folder cannot be made or written. */
  | 'DATA_FOLDER_UNUSABLE'
  /** What a former run left in the data folder cannot be read. */
  | 'STORE_DAMAGED'
  /** The scripted faults are not valid. */
  | 'INVALID_FAULTS'
  /** The file for the access log cannot be opened. */
  | 'ACCESS_LOG_UNUSABLE'
  /** What shall answer in Gemini's place cannot be had. */
  | 'INVALID_GEMINI'

export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError'
  readonly code: LocalCloudErrorCode
  /** What to do next, most likely first. */
  readonly suggestions: readonly string[]

  constructor(code: LocalCloudErrorCode, message: string, suggestions: readonly string[], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.suggestions = suggestions
  }
}
