import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { MISTAKES, MISTAKES_OF_BETTER_PROMPT } from '../../samples/answers/sign-truth.ts'
import { MADE_FOR_THE_SAMPLE, recordingText, truthText } from '../../samples/answers/recording.ts'
import { builtInProfiles } from '../../src/profiles/built-in-profiles.ts'
import { resolveProfile } from '../../src/profiles/resolve-profile.ts'

const FOLDER = path.resolve(import.meta.dirname, '../../samples/street-signs')
const text = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8')
const lines = (file: string): Record<string, string>[] =>
  text(file)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>)

test('the committed answers and truth are those that `node samples/make-answers.ts` writes', () => {
  expect(text('answers.jsonl')).toBe(recordingText(MISTAKES))
  expect(text('answers-better-prompt.jsonl')).toBe(recordingText(MISTAKES_OF_BETTER_PROMPT))
  expect(text('truth.csv')).toBe(truthText())
})

test.each(['answers.jsonl', 'answers-better-prompt.jsonl'])(
  'each answer of %s says that no model gave it, is about an image of a sign, and fits the profile',
  (file) => {
    const properties = builtInProfiles().find(({ name }) => name === 'road-signs')!.output.properties!
    const images = lines('observations.jsonl').filter(({ asset_type: type }) => type === 'ASSET_CLASS_ROAD_SIGN')
    const answers = lines(file)
    const asked = new Set(images.map(({ gcs_uri: uri }) => uri))
    expect(new Set(answers.map(({ gcs_uri: uri }) => uri))).toEqual(asked)
    expect(answers).toHaveLength(asked.size)
    for (const { note, model, text: answer } of answers) {
      expect(note).toContain('no model gave this answer')
      expect(model).toBe(MADE_FOR_THE_SAMPLE)
      const { category, sign_quality: quality } = JSON.parse(answer!) as Record<string, string>
      expect(properties['category']!.enum).toContain(category)
      expect(properties['sign_quality']!.enum).toContain(quality)
    }
  },
)

test('the README of the sample lists every mistake', () => {
  const page = text('README.md')
  for (const [image, { category, sign_quality: quality }] of Object.entries(MISTAKES)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${image}\``))
    expect(row, image).toBeDefined()
    if (category !== undefined) expect(row).toContain(category)
    if (quality !== undefined) expect(row).toContain(quality)
  }
  for (const image of Object.keys(MISTAKES_OF_BETTER_PROMPT)) expect(page).toContain(`\`${image}\``)
})

test('the better prompt has the columns of the built-in profile', () => {
  const better = resolveProfile(path.join(FOLDER, 'better-prompt.yaml'))
  const builtIn = builtInProfiles().find(({ name }) => name === 'road-signs')!
  expect({ ...better, prompt: '' }).toEqual({ ...builtIn, prompt: '' })
})
