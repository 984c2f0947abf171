import { callApi, type RestApi } from './rest.ts'

/**
 * Returns the regions in which a project can use an API
 * (https://cloud.google.com/run/docs/reference/rest/v1/projects.locations/list and the same method of other APIs).
 *
 * @param version of the API: `v1`
 */
export async function regionsOf(api: RestApi, version: string, projectId: string): Promise<string[]> {
  const regions: string[] = []
  for (let pageToken: string | undefined = ''; pageToken !== undefined;) {
    const answer: { locations?: { locationId?: string }[]; nextPageToken?: string } = await callApi(
      api,
      `${version}/projects/${projectId}/locations`,
      { query: pageToken ? { pageToken } : {} },
    )
    regions.push(...(answer.locations ?? []).map(({ locationId = '' }) => locationId))
    pageToken = answer.nextPageToken || undefined
  }
  return regions
}
