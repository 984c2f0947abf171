import path from 'node:path'
import * as z from 'zod'
import { profile } from '../contracts/run-spec.ts'

/** The path of the published schema in the package. */
export const SCHEMA_FILE = path.join('schemas', 'profile.schema.json')

/** Returns the JSON Schema of profiles, with which editors complete and check them. */
export function profileJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(profile, { target: 'draft-7' })
  return {
    $schema,
    title: 'imagery profile',
    description: 'What to ask about each unit, and which columns the answer has.',
    ...schema,
  }
}

/** The line that tells editors a file's schema (https://github.com/redhat-developer/yaml-language-server#using-inlined-schema). */
const SCHEMA_LINE = /^# yaml-language-server: \$schema=.*\n/

/**
 * Returns a profile's text with its schema line for a file in `folder`. The path is relative if the
 * package is below that folder, so that the line is right on every machine that installs the project.
 *
 * @param root the package's folder
 */
export function withSchemaLine(text: string, folder: string, root: string): string {
  const file = path.join(root, SCHEMA_FILE)
  const relative = path.relative(folder, file)
  const shown = relative.startsWith('..') ? file : `./${relative}`
  return `# yaml-language-server: $schema=${shown.split(path.sep).join('/')}\n${text.replace(SCHEMA_LINE, '')}`
}
