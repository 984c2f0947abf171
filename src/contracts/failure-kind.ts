import type { Cause } from './causes.ts'

/** What is said of an image, which a name in front of it cannot contain alone (`failureKindsQuery`). */
const SAID_OF_IMAGES = /(image: |; )[^]*? ((?:is|has|does not|names|cannot|was|needs|became) )/g

/**
 * Returns the kind of a failure: its cause and its message without images, URIs, quoted values and counts. Failures of
 * one kind have the same reason, as in `failureKindsQuery`.
 */
export function failureKind(cause: Cause, message: string): string {
  const said = cause === 'unreadable_image' ? message.replaceAll(SAID_OF_IMAGES, '$1… $2') : message
  const kind = said
    .replaceAll(/[a-z]+:\/\/[^\s;]+/g, '…')
    .replaceAll(/"[^"]*"/g, '…')
    .replaceAll(/\b(?:is|has) -?[0-9][0-9.,]*/g, 'is …')
  return `${cause}\n${kind}`
}
