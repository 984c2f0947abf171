import path from 'node:path'

/** The replacement for Gemini in a local cloud. */
export type GeminiChoice =
  /** Recorded answers, JSONL. */
  | { kind: 'replay'; file: string }
  /** A scripted model, YAML. */
  | { kind: 'script'; file: string }
  /** The real Vertex AI, with the user's credentials. */
  | { kind: 'forward' }

/** The syntax of a choice, for help and error messages. */
export const GEMINI_CHOICES = 'replay:FILE, script:FILE or forward'

/** Reads `replay:FILE`, `script:FILE` or `forward`; files become absolute. Undefined for anything else. */
export function parseGeminiChoice(text: string): GeminiChoice | undefined {
  if (text === 'forward') return { kind: 'forward' }
  const [, kind, file] = /^(replay|script):(.+)$/s.exec(text) ?? []
  return file === undefined ? undefined : { kind: kind as 'replay' | 'script', file: path.resolve(file) }
}

/** Formats a choice: choices with the same meaning give the same text. */
export function formatGeminiChoice(choice: GeminiChoice): string {
  return choice.kind === 'forward' ? 'forward' : `${choice.kind}:${choice.file}`
}
