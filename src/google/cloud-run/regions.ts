import { callApi } from '../rest/rest.ts'

/**
 * Returns the regions in which a project can use Cloud Run
 * (https://cloud.google.com/run/docs/reference/rest/v1/projects.locations/list).
 */
export async function cloudRunRegions(projectId: string): Promise<string[]> {
  const regions: string[] = []
  for (let pageToken: string | undefined = ''; pageToken !== undefined;) {
    const answer: { locations?: { locationId?: string }[]; nextPageToken?: string } = await callApi(
      'run',
      `v1/projects/${projectId}/locations`,
      { query: pageToken ? { pageToken } : {} },
    )
    regions.push(...(answer.locations ?? []).map(({ locationId = '' }) => locationId))
    pageToken = answer.nextPageToken || undefined
  }
  return regions
}
