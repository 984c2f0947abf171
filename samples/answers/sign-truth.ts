/** What is drawn on a sign, and how: the truth that the sample's answers are derived from. */
export interface DrawnSign {
  /** A category of the profile road-signs. */
  category: string
  description: string
}

/** The signs of `sign-catalog.ts` by their names. All of them are drawn clean and whole. */
export const DRAWN_SIGNS: Readonly<Record<string, DrawnSign>> = {
  stop: { category: 'Stop', description: 'A red octagonal sign with a white border that says "STOP".' },
  yield: { category: 'Yield', description: 'A white triangle with a red border, point down, that says "YIELD".' },
  'speed-limit': { category: 'Speed Limit', description: 'A white rectangular sign that says "SPEED LIMIT 25".' },
  'street-name': { category: 'Street name', description: 'Two green plates that say "MAPLE ST" and "5TH AVE".' },
  'one-way': { category: 'One Way', description: 'A black sign with a white arrow that says "ONE WAY".' },
  'no-parking': { category: 'No Parking', description: 'A white sign with a crossed letter P that says "ANY TIME".' },
  'pedestrian-crossing': {
    category: 'Pedestrian Crossing',
    description: 'A yellow diamond with a walking person in black.',
  },
  'do-not-enter': {
    category: 'Do Not Enter',
    description: 'A red disc with a white bar on a white square: "DO NOT ENTER".',
  },
}

export const DRAWN_QUALITY = 'Good'

/** A deliberate mistake: what the answer says instead of the truth, and why a model could have said it. */
export interface Mistake {
  category?: string
  sign_quality?: string
  why: string
}

const JUDGED_THE_IMAGE = 'takes a bad image for a bad sign'
const TOO_GENERAL = 'chooses the more general category'

/** The mistakes of the answers to the built-in prompt, by image. */
export const MISTAKES: Readonly<Record<string, Mistake>> = {
  'stop-5': { sign_quality: 'Poor', why: JUDGED_THE_IMAGE },
  'yield-3': { category: 'Warning', sign_quality: 'Poor', why: 'the image is too blurred to read the word' },
  'speed-limit-3': { sign_quality: 'Fair', why: JUDGED_THE_IMAGE },
  'street-name-2': { category: 'Guide', why: TOO_GENERAL },
  'one-way-2': { category: 'Other', why: 'the image is small' },
  'no-parking-3': { category: 'Other', sign_quality: 'Poor', why: 'the image is dark' },
  'pedestrian-crossing-3': { category: 'Warning', why: TOO_GENERAL },
  'pedestrian-crossing-4': { category: 'Warning', sign_quality: 'Fair', why: TOO_GENERAL },
  'do-not-enter-1': { sign_quality: 'Fair', why: JUDGED_THE_IMAGE },
}

/** The mistakes of the answers to the prompt of `better-prompt.yaml`, by image. One of them is new. */
export const MISTAKES_OF_BETTER_PROMPT: Readonly<Record<string, Mistake>> = {
  'yield-3': { category: 'Warning', sign_quality: 'Fair', why: 'the image is too blurred to read the word' },
  'speed-limit-2': { category: 'Guide', why: 'a new mistake, so that the second prompt is not better everywhere' },
  'one-way-2': { category: 'Other', why: 'the image is small' },
}
