import { inflateRawSync } from 'node:zlib'

/** The files of a ZIP archive, found by its directory, which is at its end. */
export function unzip(archive: Buffer): Map<string, string> {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  const files = new Map<string, string>()
  let at = archive.readUInt32LE(end + 16)
  for (let count = archive.readUInt16LE(end + 10); count > 0; count--) {
    const [compressed, nameLength, extra, comment, start] = [
      archive.readUInt32LE(at + 20),
      archive.readUInt16LE(at + 28),
      archive.readUInt16LE(at + 30),
      archive.readUInt16LE(at + 32),
      archive.readUInt32LE(at + 42),
    ]
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength)
    const content = start + 30 + archive.readUInt16LE(start + 26) + archive.readUInt16LE(start + 28)
    files.set(name, inflateRawSync(archive.subarray(content, content + compressed)).toString('utf8'))
    at += 46 + nameLength + extra + comment
  }
  return files
}

export interface Cell {
  /** `inlineStr`, `b`, or `n`. */
  type: string
  style: number
  value: string
}

/** The cells of a workbook's only sheet by row and column: `A1`. */
export function sheetCells(archive: Buffer): Map<string, Cell> {
  const sheet = unzip(archive).get('xl/worksheets/sheet1.xml') ?? ''
  const cells = new Map<string, Cell>()
  for (const [, attributes = '', content = ''] of sheet.matchAll(/<c ([^>]*)>([\s\S]*?)<\/c>/g)) {
    const attribute = (name: string): string | undefined => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1]
    const value = /<(?:v|t)(?: [^>]*)?>([\s\S]*)<\/(?:v|t)>/.exec(content)?.[1] ?? ''
    cells.set(attribute('r') ?? '', {
      type: attribute('t') ?? 'n',
      style: Number(attribute('s') ?? 0),
      value: unescaped(value),
    })
  }
  return cells
}

const ENTITIES: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' }

function unescaped(text: string): string {
  return text
    .replaceAll(/&(?:lt|gt|quot|amp);/g, (entity) => ENTITIES[entity]!)
    .replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
