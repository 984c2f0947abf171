import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { Mark } from '@imagery/viewer/contract/review'
import * as z from 'zod'
import { ImageryError } from '../../contracts/errors.ts'

/** Returns the file with the marks of a run's review, which belongs to the user: one `Mark` as JSON per line. */
export function marksFile(configurationFolder: string, runId: string): string {
  return path.join(configurationFolder, 'reviews', `${runId}.jsonl`)
}

/** A line that removes the marks of a unit. */
export interface ClearedMark {
  unit_id: string
  /** RFC 3339. */
  cleared_at: string
}

const clearedMark: z.ZodType<ClearedMark> = z.object({ unit_id: z.string(), cleared_at: z.string() })

const verdict = z.enum(['right', 'wrong', 'unsure'])

export const mark: z.ZodType<Mark> = z.object({
  unit_id: z.string(),
  verdict: verdict.nullable(),
  columns: z.record(z.string(), z.object({ verdict, right_value: z.json().exactOptional() })),
  note: z.string(),
  marked_at: z.string(),
})

/**
 * Returns the marks in a file; none if there is no file. Of several marks of one unit, the last one counts: a program that
 * only appends lines can replace a mark. Skips a line that a killed program has left unfinished.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED that names the line
 */
export async function readMarks(file: string): Promise<Mark[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw new ImageryError('FILE_NOT_FOUND', `${file} cannot be read: ${error.message}`, {
      suggestions: [`ls -l ${shellWord(file)}`],
      cause: error,
    })
  })
  const marks = new Map<string, Mark>()
  for (const [index, line] of text.split('\n').entries()) {
    const value = parsed(line)
    if (value === undefined) continue
    const cleared = clearedMark.safeParse(value)
    if (cleared.success) {
      marks.delete(cleared.data.unit_id)
      continue
    }
    const found = mark.safeParse(value)
    if (!found.success) {
      throw new ImageryError('SOURCE_UNSUPPORTED', `Line ${index + 1} of ${file} is not a mark of a review`, {
        suggestions: [`sed -n ${index + 1}p ${shellWord(file)}`],
      })
    }
    // The newest mark is last.
    marks.delete(found.data.unit_id)
    marks.set(found.data.unit_id, found.data)
  }
  return [...marks.values()]
}

/** Returns undefined for a line that is not JSON: an empty one, or the beginning of a mark. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
