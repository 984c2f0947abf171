import type { SupportEntry } from '../../kernel/support.ts'

const METHOD = 'artifactregistry.projects.locations'

/** What the emulated Artifact Registry has of Google's, for packages/local-cloud/docs/emulator-support.md. */
export const ARTIFACT_REGISTRY_SUPPORT: readonly SupportEntry[] = [
  {
    method: `${METHOD}.repositories.create, get, list, patch, delete`,
    state: 'partly',
    note:
      'format DOCKER, mode STANDARD_REPOSITORY; cleanup policies are checked and kept, and nothing is cleaned up; ' +
      "refused by name: keys of one's own, other formats and modes, vulnerability scanning, filters and orders of listings",
  },
  {
    method: `${METHOD}.repositories.dockerImages.get, list`,
    state: 'partly',
    note: 'the images that builds of the local cloud have pushed; no orderBy',
  },
  {
    method: `${METHOD}.repositories.packages.get, list, delete; versions.get, list, delete, batchDelete; tags.get, list`,
    state: 'yes',
    note: '',
  },
  {
    method: `${METHOD}.repositories.getIamPolicy, setIamPolicy, testIamPermissions`,
    state: 'partly',
    note: 'no conditions, no audit configuration',
  },
  { method: `${METHOD}.operations.get`, state: 'yes', note: 'finished ones for a day' },
  {
    method: 'REGION-docker.pkg.dev',
    state: 'no',
    note: 'docker push and docker pull: images come from builds of the local cloud',
  },
  {
    method: `${METHOD}.repositories.files, rules, attachments, importing, exporting; tags.create, patch, delete`,
    state: 'no',
    note: '',
  },
]
