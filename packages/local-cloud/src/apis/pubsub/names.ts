import { GoogleError } from '../../kernel/errors.ts'
import { LONGEST_NAME, RESERVED_NAME_PREFIX, SHORTEST_NAME } from './limits.ts'

export type Collection = 'topics' | 'subscriptions'

const NAME_RULES = 'https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names'
const FULL_NAME = /^projects\/(?<project>[^/]+)\/(?<collection>topics|subscriptions)\/(?<id>[^/]+)$/
const PROJECT_NAME = /^projects\/(?<project>[^/]+)$/
const ID = /^[A-Za-z][\w.~+%-]*$/

/**
 * Checks a full resource name such as `projects/P/topics/T`.
 *
 * @returns its parts
 * @throws GoogleError INVALID_ARGUMENT when it breaks
 *   https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
 */
export function parseName(name: string, collection: Collection): { project: string; id: string } {
  const parts = FULL_NAME.exec(name)?.groups
  const project = parts?.['project']
  const id = parts?.['id']
  const valid =
    project !== undefined &&
    id !== undefined &&
    parts?.['collection'] === collection &&
    ID.test(id) &&
    id.length >= SHORTEST_NAME &&
    id.length <= LONGEST_NAME &&
    !id.startsWith(RESERVED_NAME_PREFIX)
  if (!valid) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `Invalid resource name given (name=${name}). Refer to ${NAME_RULES} for more information.`,
    )
  }
  return { project, id }
}

/** Checks `projects/P` and returns `P`. */
export function parseProject(name: string): string {
  const project = PROJECT_NAME.exec(name)?.groups?.['project']
  if (project === undefined) {
    throw new GoogleError('INVALID_ARGUMENT', `Invalid project name given (name=${name}).`)
  }
  return project
}

/** The project and last segment of a stored name, which was checked when it came in. */
export function nameParts(name: string): { project: string; id: string } {
  const [, project = '', , id = ''] = name.split('/')
  return { project, id }
}

export function notFound(name: string): GoogleError {
  return new GoogleError('NOT_FOUND', `Resource not found (resource=${nameParts(name).id}).`)
}

export function alreadyExists(name: string): GoogleError {
  return new GoogleError('ALREADY_EXISTS', `Resource already exists in the project (resource=${nameParts(name).id}).`)
}
