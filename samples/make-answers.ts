/**
 * Writes the recorded answers and the truth of samples/street-signs. Run it after a change with `node samples/make-answers.ts`;
 * its output is committed. No model has given the answers: they are what is drawn, with mistakes on purpose.
 */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { recordingText, truthText } from './answers/recording.ts'
import { MISTAKES, MISTAKES_OF_BETTER_PROMPT } from './answers/sign-truth.ts'

const FOLDER = path.join(import.meta.dirname, 'street-signs')

await writeFile(path.join(FOLDER, 'answers.jsonl'), recordingText(MISTAKES))
await writeFile(path.join(FOLDER, 'answers-better-prompt.jsonl'), recordingText(MISTAKES_OF_BETTER_PROMPT))
await writeFile(path.join(FOLDER, 'truth.csv'), truthText())
