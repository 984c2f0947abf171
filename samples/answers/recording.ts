import { createHash } from 'node:crypto'
import type { SampleAsset, Shot } from '../drawing/catalog.ts'
import { ROAD_SIGNS } from '../drawing/sign-catalog.ts'
import { DRAWN_QUALITY, DRAWN_SIGNS, type Mistake } from './sign-truth.ts'

/** The answers' model: no model has given them. */
export const MADE_FOR_THE_SAMPLE = 'made-for-the-sample'

/** What the documentation says of an image of Gemini 3 (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/media-resolution). */
const IMAGE_TOKENS = 1_120

/** About what the prompt and the schema of the profile have. */
const PROMPT_TOKENS = 520

const LETTERS_PER_TOKEN = 4

/** Returns a recording for `--gemini replay:FILE`: one answer per image of a road sign, made from what is drawn. */
export function recordingText(mistakes: Readonly<Record<string, Mistake>>): string {
  return ROAD_SIGNS.flatMap((asset) =>
    asset.shots.map((shot, index) => {
      const image = `${asset.name}-${index + 1}`
      const answer = answerTo(asset, shot, mistakes[image])
      const text = JSON.stringify(answer)
      const output = Math.ceil(text.length / LETTERS_PER_TOKEN)
      const input = PROMPT_TOKENS + IMAGE_TOKENS
      const recorded = {
        note: noteOf(mistakes[image]),
        gcs_uri: `images/${image}.jpg`,
        model: MADE_FOR_THE_SAMPLE,
        finishReason: 'STOP',
        usageMetadata: { promptTokenCount: input, candidatesTokenCount: output, totalTokenCount: input + output },
        text,
      }
      return `${JSON.stringify(recorded)}\n`
    }),
  ).join('')
}

function noteOf(mistake: Mistake | undefined): string {
  const made = 'Made for the sample from what is drawn; no model gave this answer.'
  return mistake ? `${made} Wrong on purpose: ${mistake.why}.` : made
}

function answerTo({ name }: SampleAsset, shot: Shot, mistake: Mistake | undefined): Record<string, string> {
  const { category, description } = DRAWN_SIGNS[name]!
  return {
    category: mistake?.category ?? category,
    sign_quality: mistake?.sign_quality ?? DRAWN_QUALITY,
    description: mistake?.category === undefined ? description : `A sign that looks like: ${mistake.category}.`,
    image_quality_notes: imageNotes(shot),
  }
}

function imageNotes({ exposure, distance }: Shot): string {
  if (exposure?.blur !== undefined && exposure.blur > 2) return 'The image is blurred.'
  if (exposure?.gain !== undefined && exposure.gain < 0.5) return 'The image is very dark.'
  if (exposure?.gain !== undefined && exposure.gain > 1.5) return 'The image is overexposed.'
  if (exposure?.width !== undefined) return 'The image is small.'
  return distance > 20 ? 'The sign is far away, but can be read.' : 'The image is clear.'
}

/** Returns the true values of the road signs as CSV, one row per asset. */
export function truthText(): string {
  const rows = ROAD_SIGNS.map(({ name }) => `${assetId(name)},${DRAWN_SIGNS[name]!.category},${DRAWN_QUALITY}\n`)
  return `asset_id,category,sign_quality\n${rows.join('')}`
}

/** The ID of an asset in the sample's table. */
export function assetId(name: string): string {
  return `t1:${createHash('sha256').update(`asset ${name}`).digest('hex').slice(0, 32)}:ffff005f`
}
