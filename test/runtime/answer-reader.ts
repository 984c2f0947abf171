import { answerCheck } from '../../src/contracts/answer-check.ts'
import type { AnswerSchema } from '../../src/contracts/answer-schema.ts'
import { readAnswer, type ReadAnswer } from '../../src/runtime/models/gemini-answer.ts'
import { cutText } from '../../src/runtime/row-size.ts'

/** Returns a function that reads answers to a profile, as the runtime does. */
export async function answerReader(schema: AnswerSchema): Promise<(text: string, isCut?: boolean) => ReadAnswer> {
  const check = await answerCheck(schema, cutText)
  return (text, isCut = false) => readAnswer(text, { schema, check, isCut })
}
