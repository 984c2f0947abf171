import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { Mark } from '@imagery/viewer/contract/review'
import { z } from 'zod'
import { ImageryError } from '../../contracts/errors.ts'

/** Returns the file with the marks of a run's review, which belongs to the user: one `Mark` as JSON per line. */
export function marksFile(configurationFolder: string, runId: string): string {
  return path.join(configurationFolder, 'reviews', `${runId}.jsonl`)
}

const verdict = z.enum(['right', 'wrong', 'unsure'])

const mark: z.ZodType<Mark> = z.object({
  unit_id: z.string(),
  verdict: verdict.nullable(),
  columns: z.record(z.string(), z.object({ verdict, right_value: z.json().exactOptional() })),
  note: z.string(),
  marked_at: z.string(),
})

/**
 * Returns the marks in a file; none if there is no file. Of several marks of one unit, the last one counts: a program that
 * only appends lines can replace a mark.
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
    if (line.trim() === '') continue
    const found = mark.safeParse(parsed(line))
    if (!found.success) {
      throw new ImageryError('SOURCE_UNSUPPORTED', `Line ${index + 1} of ${file} is not a mark of a review`, {
        suggestions: [`sed -n ${index + 1}p ${shellWord(file)}`],
      })
    }
    marks.set(found.data.unit_id, found.data)
  }
  return [...marks.values()]
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
