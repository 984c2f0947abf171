import protobuf from 'protobufjs'
import type { Demand, GrpcFace } from '../../src/kernel/api.ts'
import { GoogleError } from '../../src/kernel/errors.ts'
import { createFaults } from '../../src/kernel/faults.ts'
import { createGateway, type GatewayControl } from '../../src/kernel/gateway.ts'
import type { HttpServer } from '../../src/kernel/http-server.ts'
import { serveTranscoded } from './transcoded-server-fixture.ts'

/** A made-up API that has one of everything that a proto can have. */
const PROTO = `
  syntax = "proto3";
  package test.v1;
  service Shelves {
    rpc Get(GetRequest) returns (Shelf) {
      option (google.api.http) = { get: "/v1/{name=projects/*/shelves/*}" additional_bindings { get: "/v1/{name=shelves/**}" } };
    }
    rpc Create(CreateRequest) returns (Shelf) {
      option (google.api.http) = { post: "/v1/{parent=projects/*}/shelves" body: "shelf" };
    }
    rpc Update(UpdateRequest) returns (Shelf) {
      option (google.api.http) = { patch: "/v1/{shelf.name=projects/*/shelves/*}" body: "shelf" };
    }
    rpc Sort(SortRequest) returns (Shelf) {
      option (google.api.http) = { post: "/v1/{name=projects/*/shelves/*}:sort" body: "*" };
    }
    rpc Paint(GetRequest) returns (Shelf) {
      option (google.api.http) = { post: "/v1/{name=projects/*/shelves/*}:paint" body: "*" };
    }
    rpc Burn(GetRequest) returns (Shelf) {
      option (google.api.http) = { post: "/v1/{name=projects/*/shelves/*}:burn" body: "*" };
    }
  }
  message GetRequest {
    string name = 1; google.protobuf.FieldMask read_mask = 2; repeated string tag = 3; Options options = 4;
    google.protobuf.BoolValue is_deep = 5; bool quick = 6; Color color = 7;
  }
  message Options { int32 page_size = 1; Options inner = 2; google.protobuf.Timestamp not_before = 3; }
  message CreateRequest { string parent = 1; string shelf_id = 2; Shelf shelf = 3; bool validate_only = 4; }
  message UpdateRequest { Shelf shelf = 1; google.protobuf.FieldMask update_mask = 2; }
  message SortRequest { string name = 1; repeated Color colors = 2; }
  enum Color { COLOR_UNSPECIFIED = 0; RED = 1; DARK_BLUE = 2; }
  message Shelf {
    string name = 1; int64 weight = 2; uint64 barcode = 3; double ratio = 4; bytes photo = 5; Color color = 6;
    google.protobuf.Duration rest = 7; google.protobuf.Timestamp built_at = 8; google.protobuf.FieldMask shown = 9;
    google.protobuf.Int64Value limit = 10; google.protobuf.StringValue note = 11; google.protobuf.Struct extra = 12;
    google.protobuf.Any content = 13; map<string, Options> rooms = 14; repeated Options parts = 15;
    oneof owner { string person = 16; Options club = 17; }
    optional int32 floor = 18; int32 height = 19; google.protobuf.Value anything = 20; uint32 count = 21;
  }`

/** What official clients ship as protos.json: the proto with the types of google.protobuf that it uses. */
function protosOf(source: string): object {
  const root = new protobuf.Root()
  for (const name of ['any', 'duration', 'field_mask', 'struct', 'timestamp', 'wrappers']) {
    const common = protobuf.common.get(`google/protobuf/${name}.proto`)
    if (common?.nested) root.addJSON(common.nested)
  }
  protobuf.parse(source, root, { keepCase: false })
  return root.toJSON({ keepComments: false })
}

/** The only token that the API takes. */
const TOKEN = 'Bearer of-the-tester'

/** The name of a shelf. */
export const NAME = 'projects/p/shelves/s'

/** The HTTP/JSON face of the made-up API, behind a gateway that checks tokens, permissions and faults. */
export class ShelvesApi {
  /** What every method answers. */
  shelf: object = {}
  /** What reached a handler during the last `ask`. */
  asked: { method: string; request: Record<string, unknown> } | undefined
  readonly control: GatewayControl = createGateway({
    authenticate(authorization) {
      if (authorization !== TOKEN) throw new GoogleError('UNAUTHENTICATED', 'who are you?')
      return { email: 'tester@example.com' }
    },
    access: {
      check(_, demands: readonly Demand[]) {
        const refused = demands.find(({ resource }) => resource.endsWith('/secret'))
        if (refused) throw new GoogleError('PERMISSION_DENIED', `Permission '${refused.permission}' denied`)
      },
    },
    faults: createFaults([{ method: 'test.v1.Shelves/Paint', effect: { kind: 'error', status: 'UNAVAILABLE' } }]),
  })
  #server: HttpServer | undefined

  async start(): Promise<void> {
    const keep = (method: string) => (request: Record<string, unknown>) => {
      this.asked = { method, request }
      return this.shelf
    }
    const methods = ['Get', 'Create', 'Update', 'Sort', 'Paint']
    const face: GrpcFace = {
      protos: protosOf(PROTO),
      services: { 'test.v1.Shelves': Object.fromEntries(methods.map((method) => [method, keep(method)])) },
      needs: {
        'test.v1.Shelves/Get': ({ name }: { name: string }) => [{ permission: 'shelves.get', resource: name }],
      },
    }
    this.#server = await serveTranscoded(face, this.control.gateway)
  }

  async stop(): Promise<void> {
    await this.#server?.stop()
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#server?.port}`
  }

  /** Calls the API as the tester. */
  async ask(
    method: string,
    route: string,
    body?: unknown,
  ): Promise<{ status: number; json: Record<string, unknown>; text: string }> {
    this.asked = undefined
    const answer = await fetch(this.origin + route, {
      method,
      headers: { authorization: TOKEN, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, json: JSON.parse(text) as Record<string, unknown>, text }
  }
}
