import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Metafile } from 'esbuild'

/** The folder of a package, in the path of one of its files; not in the name of a module that a plugin makes, which has a colon. */
const PACKAGE = /^[^:]*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/
const LICENSE_FILE = /^(licen[cs]e|notice|copying)/i

interface Package {
  /** `name version (license)`. */
  title: string
  /** Empty for a package without a file for it. */
  text: string
}

/**
 * Writes the licenses of the packages that bundles contain, because most licenses ask for their text with every copy.
 *
 * @param root the folder that the paths of the metafiles start from
 */
export async function writeLicenses(
  file: string,
  { root, metafiles }: { root: string; metafiles: readonly Metafile[] },
): Promise<void> {
  const packages = await Promise.all(packageFolders(metafiles).map((folder) => describe(path.join(root, folder))))
  // Many packages have the same text.
  const byText = Map.groupBy(packages, ({ text }) => text)
  const sections = [...byText].map(([text, having]) => {
    const titles = having.map(({ title }) => `## ${title}\n`).toSorted()
    return `${[...new Set(titles)].join('')}\n${text || 'The package has no file with the text of its license.'}\n`
  })
  await writeFile(file, `# Licenses of the packages in this folder\n\n${sections.toSorted().join('\n')}`)
}

/** Of the packages with code in a bundle, relative to the root. */
function packageFolders(metafiles: readonly Metafile[]): string[] {
  const inputs = metafiles.flatMap(({ outputs }) =>
    Object.values(outputs).flatMap((output) => Object.keys(output.inputs)),
  )
  const folders = inputs.map((input) => PACKAGE.exec(input.replaceAll('\\', '/'))?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))]
}

async function describe(folder: string): Promise<Package> {
  const { name, version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license?: string
  }
  const files = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).toSorted()
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')))
  return {
    title: `${name} ${version} (${license ?? 'no license named'})`,
    text: texts.map((text) => text.replaceAll('\r\n', '\n').trim()).join('\n\n'),
  }
}
