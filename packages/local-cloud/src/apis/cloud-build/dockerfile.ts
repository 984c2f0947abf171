/** A Dockerfile that cannot be built; the message has the reason. */
export class DockerfileError extends Error {
  override readonly name = 'DockerfileError'
}

/** One instruction of a Dockerfile (https://docs.docker.com/reference/dockerfile/). */
export interface Instruction {
  /** Where it begins, from 1. */
  line: number
  /** In capitals: `COPY`. */
  keyword: string
  /** `--chown=node` and the like, before the arguments. */
  flags: string[]
  /** What follows, on one line: continuation lines are joined, comments between them left out. */
  text: string
  /** The arguments in the JSON (exec) form; undefined when they are not written so. */
  list: string[] | undefined
}

/** Reads a Dockerfile. Throws DockerfileError. */
export function parseDockerfile(source: string): Instruction[] {
  const instructions: Instruction[] = []
  const lines = source.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (let index = 0; index < lines.length; index++) {
    const first = lines[index]?.trim() ?? ''
    if (/^#\s*escape\s*=/i.test(first) && instructions.length === 0) {
      throw new DockerfileError('the parser directive "escape" is not emulated by the local cloud')
    }
    if (first === '' || first.startsWith('#')) continue
    const line = index + 1
    let text = first
    while (text.endsWith('\\')) {
      text = text.slice(0, -1)
      do index++
      while (isSkipped(lines[index]))
      text += lines[index]?.trim() ?? ''
    }
    instructions.push(readInstruction(text, line))
  }
  if (instructions.length === 0) throw new DockerfileError('the Dockerfile cannot be empty')
  if (instructions[0]?.keyword !== 'FROM') {
    throw new DockerfileError('no build stage in current context: a Dockerfile begins with FROM')
  }
  return instructions
}

/** Comments and empty lines between continuation lines do not end them. */
function isSkipped(line: string | undefined): boolean {
  return line !== undefined && /^\s*(#.*)?$/.test(line)
}

function readInstruction(source: string, line: number): Instruction {
  const [, keyword = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(source) ?? []
  const flags: string[] = []
  let text = rest
  for (let flag = /^(--[a-z][\w-]*(?:=\S+)?)\s+/.exec(text); flag; flag = /^(--[a-z][\w-]*(?:=\S+)?)\s+/.exec(text)) {
    flags.push(flag[1] ?? '')
    text = text.slice(flag[0].length)
  }
  if (/^(RUN|COPY|ADD)$/i.test(keyword) && /(^|\s)<<-?["']?\w/.test(text)) {
    throw new DockerfileError(`line ${line}: here-documents are not emulated by the local cloud`)
  }
  return { line, keyword: keyword.toUpperCase(), flags, text, list: readList(text) }
}

function readList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined
  } catch {
    // As in Docker: text that is not a JSON list is a command for the shell.
    return undefined
  }
}

/** The words of an instruction in its plain form: separated by spaces, joined by quotes and backslashes. */
export function words(text: string): string[] {
  const found = text.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? []
  return found.map((word) =>
    word.replace(
      /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
      (_, escaped?: string, double?: string, single?: string) =>
        escaped ?? double?.replace(/\\(.)/g, '$1') ?? single ?? '',
    ),
  )
}

/** The text with `$NAME` and `${NAME}` in place; unset variables are empty, as in Docker. */
export function withVariables(text: string, environment: Readonly<Record<string, string>>): string {
  const modified = /\$\{\w+[^\w}]/.exec(text)
  if (modified) throw new DockerfileError(`"${text}": variables with modifiers are not emulated by the local cloud`)
  return text.replace(/\\\$|\$(\w+)|\$\{(\w+)\}/g, (whole, plain?: string, braced?: string) => {
    const name = plain ?? braced
    return name === undefined ? whole : (environment[name] ?? '')
  })
}
