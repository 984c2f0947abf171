import { ImageryError } from '../../contracts/errors.ts'

/** The error for a source whose rows are no assets, or none that match the filter. */
export function noAssetsError(given: string, where: string | null): ImageryError {
  const next =
    where === null
      ? 'with --asset-column COLUMN, if another column has the asset IDs'
      : 'with another --where, or without it'
  return new ImageryError(
    'NO_ASSETS',
    `${given} has no assets${where === null ? '' : ` that match --where ${where}`}`,
    {
      suggestions: [`Run the same command ${next}`],
    },
  )
}
