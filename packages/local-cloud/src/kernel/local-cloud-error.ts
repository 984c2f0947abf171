/** Expected reasons why a local cloud does not start. */
export type LocalCloudErrorCode =
  /** Another process is using the data folder. */
  | 'ALREADY_RUNNING'
  /** A requested port is in use. */
  | 'PORT_TAKEN'
  /** The data folder cannot be created or written. */
  | 'DATA_FOLDER_UNUSABLE'
  /** The stored state in the data folder cannot be read. */
  | 'STORE_DAMAGED'
  /** The scripted faults are not valid. */
  | 'INVALID_FAULTS'
  /** The file for the access log cannot be opened. */
  | 'ACCESS_LOG_UNUSABLE'
  /** The replacement for Gemini is not available. */
  | 'INVALID_GEMINI'

export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError'
  readonly code: LocalCloudErrorCode
  /** Next steps, most likely first. */
  readonly suggestions: readonly string[]

  constructor(code: LocalCloudErrorCode, message: string, suggestions: readonly string[], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.suggestions = suggestions
  }
}
