import type { Context, Hono } from 'hono'
import { pageOf, invalidArgument, bodyMessage, readQuery, restError } from '../../kernel/rest-request.ts'
import { dockerImage, packages, tag, tagsOf, version } from './image-wire.ts'
import { BATCH_DELETE_VERSIONS } from './messages.ts'
import { onRepository, repositoryOf } from './permissions.ts'
import { notFound } from './repositories.ts'
import type { StoredImage } from './resources.ts'
import { PAGE_SIZES, refuseOrder, type RouteOptions } from './requests.ts'

const LISTING = ['pageSize', 'pageToken', 'filter', 'orderBy'] as const

/** Adds the routes of the images in a repository, whose path is `base`. */
export function addImageRoutes(app: Hono, base: string, options: RouteOptions): void {
  const { repositories, store, operations, operation } = options
  const images = (context: Context): StoredImage[] => store.images(repositories.get(repositoryOf(context)).name)
  const ofPackage = (context: Context): StoredImage[] => {
    const found = images(context).filter((image) => image.package === context.req.param('package'))
    if (found.length === 0) throw notFound()
    return found
  }
  const oneVersion = (context: Context): StoredImage => {
    const found = ofPackage(context).find(({ digest }) => digest === context.req.param('version'))
    if (!found) throw notFound()
    return found
  }
  const list = (
    context: Context,
    key: string,
    items: { name: string }[],
    query: { pageSize?: string[]; pageToken?: string[] },
  ) => {
    const page = pageOf(
      items.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      query,
      ({ name }) => name,
      PAGE_SIZES,
    )
    return context.json({ [key]: page.items, nextPageToken: page.nextPageToken })
  }

  app.get(
    `${base}/dockerImages`,
    operation(
      'artifactregistry.dockerImages.list',
      (context) => {
        const query = readQuery(context, LISTING)
        refuseOrder(query)
        const found = images(context).map((image) => dockerImage(image, tagsOf(store, image)))
        return list(context, 'dockerImages', found, query)
      },
      { needs: onRepository('dockerimages.list') },
    ),
  )
  app.get(
    `${base}/dockerImages/:image`,
    operation(
      'artifactregistry.dockerImages.get',
      (context) => {
        const [, name, digest] = /^(.+)@(sha256:[0-9a-f]{64})$/.exec(context.req.param('image') ?? '') ?? []
        const found = images(context).find((image) => image.package === name && image.digest === digest)
        if (!found) throw notFound()
        return context.json(dockerImage(found, tagsOf(store, found)))
      },
      { needs: onRepository('dockerimages.get') },
    ),
  )
  app.get(
    `${base}/packages`,
    operation(
      'artifactregistry.packages.list',
      (context) => {
        const query = readQuery(context, LISTING)
        refuseOrder(query)
        return list(context, 'packages', packages(images(context)), query)
      },
      { needs: onRepository('packages.list') },
    ),
  )
  app.get(
    `${base}/packages/:package`,
    operation('artifactregistry.packages.get', (context) => context.json(packages(ofPackage(context))[0] ?? {}), {
      needs: onRepository('packages.get'),
    }),
  )
  app.delete(
    `${base}/packages/:package`,
    operation(
      'artifactregistry.packages.delete',
      (context) => context.json(repositories.deleteImages('packages.delete', ofPackage(context), operations)),
      { needs: onRepository('packages.delete') },
    ),
  )
  app.get(
    `${base}/packages/:package/versions`,
    operation(
      'artifactregistry.versions.list',
      (context) => {
        const query = readQuery(context, [...LISTING, 'view'])
        refuseOrder(query)
        const view = viewOf(query.view?.[0])
        const found = ofPackage(context).map((image) => version(image, tagsOf(store, image), view))
        return list(context, 'versions', found, query)
      },
      { needs: onRepository('versions.list') },
    ),
  )
  app.get(
    `${base}/packages/:package/versions/:version`,
    operation(
      'artifactregistry.versions.get',
      (context) => {
        const image = oneVersion(context)
        return context.json(version(image, tagsOf(store, image), viewOf(readQuery(context, ['view']).view?.[0])))
      },
      { needs: onRepository('versions.get') },
    ),
  )
  app.delete(
    `${base}/packages/:package/versions/:version`,
    operation(
      'artifactregistry.versions.delete',
      (context) => {
        const image = oneVersion(context)
        // https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages.versions/delete
        if (readQuery(context, ['force']).force?.[0] !== 'true' && tagsOf(store, image).length > 0) {
          throw restError('FAILED_PRECONDITION', `cannot delete version ${image.digest} because it is tagged`)
        }
        return context.json(repositories.deleteImages('versions.delete', [image], operations))
      },
      { needs: onRepository('versions.delete') },
    ),
  )
  app.post(
    `${base}/packages/:package/versions:batchDelete`,
    operation(
      'artifactregistry.versions.batchDelete',
      async (context) => {
        const { names = [], validateOnly } = (await bodyMessage(context, BATCH_DELETE_VERSIONS)) as {
          names?: string[]
          validateOnly?: boolean
        }
        if (validateOnly) throw invalidArgument('validate_only is not supported by the local cloud')
        const found = ofPackage(context)
        const chosen = names.map((name) => found.find((image) => version(image, [], 'BASIC').name === name))
        if (chosen.includes(undefined)) throw notFound()
        return context.json(repositories.deleteImages('versions.batchDelete', chosen as StoredImage[], operations))
      },
      { needs: onRepository('versions.delete') },
    ),
  )
  app.get(
    `${base}/packages/:package/tags`,
    operation(
      'artifactregistry.tags.list',
      (context) => {
        const query = readQuery(context, LISTING)
        refuseOrder(query)
        const { repository, package: name } = ofPackage(context)[0]!
        const found = store
          .tags(repository, name)
          .map((entry) => tag({ repository, package: name, digest: entry.digest }, entry.tag))
        return list(context, 'tags', found, query)
      },
      { needs: onRepository('tags.list') },
    ),
  )
  app.get(
    `${base}/packages/:package/tags/:tag`,
    operation(
      'artifactregistry.tags.get',
      (context) => {
        readQuery(context, [])
        const { repository, package: name } = ofPackage(context)[0]!
        const found = store.tags(repository, name).find((entry) => entry.tag === context.req.param('tag'))
        if (!found) throw notFound()
        return context.json(tag({ repository, package: name, digest: found.digest }, found.tag))
      },
      { needs: onRepository('tags.get') },
    ),
  )
}

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/VersionView, by name or by number. */
function viewOf(view = 'BASIC'): string {
  const name = { 0: 'BASIC', 1: 'BASIC', 2: 'FULL', VERSION_VIEW_UNSPECIFIED: 'BASIC', BASIC: 'BASIC', FULL: 'FULL' }[
    view
  ]
  if (name === undefined) throw invalidArgument(`Invalid value at 'view' (TYPE_ENUM), "${view}"`)
  return name
}
