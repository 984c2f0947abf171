import type { SupportEntry } from '../../kernel/support.ts'

const METHOD = 'artifactregistry.projects.locations'

/** How much of Artifact Registry is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: `${METHOD}.repositories.create, get, list, patch, delete`,
    state: 'partly',
    note:
      'format DOCKER, mode STANDARD_REPOSITORY; cleanup policies are checked and stored, but nothing is cleaned up; ' +
      'refused by name: customer-managed keys, other formats and modes, vulnerability scanning, filter and orderBy in lists',
  },
  {
    method: `${METHOD}.repositories.dockerImages.get, list`,
    state: 'partly',
    note: "images pushed by the local cloud's builds; no orderBy",
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
  { method: `${METHOD}.operations.get`, state: 'yes', note: 'finished operations are kept for a day' },
  {
    method: 'REGION-docker.pkg.dev',
    state: 'no',
    note: "no docker push or docker pull; images come from the local cloud's builds",
  },
  {
    method: `${METHOD}.repositories.files, rules, attachments, importing, exporting; tags.create, patch, delete`,
    state: 'no',
    note: '',
  },
]
