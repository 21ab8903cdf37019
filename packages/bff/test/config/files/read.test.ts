import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type ConfigFiles, readConfigFiles } from '../../../src/config/files/read.ts'
import { BffError } from '../../../src/error.ts'

const folder = mkdtempSync(join(tmpdir(), 'bff-files-'))
after(() => rmSync(folder, { recursive: true }))
const secretFile = join(folder, 'secret')
writeFileSync(secretFile, 'of the file\n')

type Texts = Partial<Record<'idps.yaml' | 'pdp.yaml' | 'routes.yaml', string | Uint8Array>>

let folders = 0
function read(texts: Texts, env: NodeJS.ProcessEnv = {}, options = {}): ConfigFiles {
  const own = mkdtempSync(join(folder, `${folders++}-`))
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(own, name), text)
  return readConfigFiles(own, env, { allowPlaintext: false, hasOtherIdp: false, ...options })
}

function mistakes(texts: Texts, env: NodeJS.ProcessEnv = {}, options = {}): string[] {
  try {
    read(texts, env, options)
  } catch (error) {
    assert.ok(error instanceof BffError)
    assert.equal(error.code, 'CONFIG_INVALID')
    const [first, ...rest] = error.message.split('\n')
    assert.equal(first, 'the files of configuration are wrong:')
    return rest
  }
  return []
}

const idps = `idps:
  - name: corporate
    provider: keycloak
    issuer: https://idp.example.com
    audience: urn:example:api
    introspection_url: https://idp.example.com/introspect
    token_url: https://idp.example.com/token
    client_id: bff
    client_secret: \${SECRET}
    claims_mapping:
      roles:
        - {source: realm_access.roles, format: array}
      permissions:
        - source: scope
`
const pdp = `connection:
  base_url: https://pdp.example.com/authzen/
  client_id: bff
  client_secret_file: ${secretFile}
  token_url: https://idp.example.com/token
  timeout: 2
endpoint_map:
  /api/orders/{id}:
    GET: {resource: order, action: read, id_from: path:id}
    POST:
      - {resource: order, action: write, id_from: path:id, props: {amount: body:amount, channel: web}}
      - {resource: ledger, action: write}
`
const routes = `services:
  orders: https://orders.internal:8443
routes:
  - path: /api/orders/{id}
    target_service: orders
    upstream_path: /v2/orders/:id
    methods: [GET, post]
    auth: bearer
    scopes: [orders]
    authz: pdp
  - path: /events/**
    target_service: \${EVENTS_URL:-https://events.internal}
    streaming: \${STREAMING}
`
const good = { 'idps.yaml': idps, 'pdp.yaml': pdp, 'routes.yaml': routes }
const env = { SECRET: 'of the environment', STREAMING: 'true' }

describe('the files of configuration', () => {
  test('are read with their variables, files and defaults', () => {
    const files = read(good, env)
    const [idp] = files.idps
    assert.ok(idp?.check.by === 'introspection')
    assert.equal(idp.check.clientSecret.current(), 'of the environment')
    assert.deepEqual(idp.audiences, ['urn:example:api'])
    assert.deepEqual(idp.claims.roles, [{ source: 'realm_access.roles', format: 'array' }])
    assert.deepEqual(idp.claims.permissions, [{ source: 'scope', format: 'space_delimited' }])
    assert.equal(files.pdp?.evaluation.href, 'https://pdp.example.com/authzen/access/v1/evaluation')
    assert.equal(files.pdp.credentials?.clientSecret.current(), 'of the file')
    assert.equal(files.pdp.timeoutMs, 2_000)
    assert.deepEqual(files.pdp.cache, { allowMs: 300_000, denyMs: 60_000, maxSize: 10_000 })
    const [orders, events] = files.routes
    assert.equal(orders?.path, '/api/orders/:id')
    assert.equal(orders.targetService.href, 'https://orders.internal:8443/')
    assert.deepEqual(orders.methods, ['GET', 'POST'])
    assert.equal(events?.path, '/events/*')
    assert.equal(events.targetService.href, 'https://events.internal/')
    assert.equal(events.streaming, true)
    assert.equal(events.auth, 'session')
  })

  test('need not be there', () => {
    assert.deepEqual(read({}), { idps: [], pdp: undefined, routes: [] })
    const none = readConfigFiles(undefined, {}, { allowPlaintext: false, hasOtherIdp: false })
    assert.deepEqual(none, { idps: [], pdp: undefined, routes: [] })
  })

  test('need a folder, where one is named', () => {
    assert.throws(() => readConfigFiles('/nowhere', {}, { allowPlaintext: false, hasOtherIdp: false }), {
      code: 'CONFIG_INVALID',
      message: 'BFF_CONFIG_DIR is no folder',
    })
  })

  test('have the names that are read, and no others that are like them', () => {
    const own = mkdtempSync(join(folder, 'names-'))
    for (const name of ['routes.yml', 'Pdp.yaml', 'idps.yaml.bak', 'other.yml']) writeFileSync(join(own, name), '')
    assert.throws(() => readConfigFiles(own, {}, { allowPlaintext: false, hasOtherIdp: false }), {
      message: [
        'the files of configuration are wrong:',
        'Pdp.yaml: nobody reads it; it has to be called pdp.yaml',
        'routes.yml: nobody reads it; it has to be called routes.yaml',
      ].join('\n'),
    })
  })

  test('tell a mistake once for each line, whatever follows from it', () => {
    const text = 'routes:\n  - {path: /a/{id}, target_service: x, methods: [GET]}\n  - {path: /b}\n'
    const told = mistakes({ 'routes.yaml': text })
    assert.ok(told.length > 0)
    assert.equal(new Set(told).size, told.length)
  })

  test('take the secret of a variable from the file that NAME_FILE names', () => {
    const [idp] = read(good, { SECRET_FILE: secretFile, STREAMING: 'false' }).idps
    assert.ok(idp?.check.by === 'introspection')
    assert.equal(idp.check.clientSecret.current(), 'of the file')
    assert.equal(idp.check.clientSecret.isFile, true)
  })

  test('fill variables in as text, whatever stands in them', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how variables are written
    const text = idps.replace('provider: keycloak', 'provider: "a ${P} $${P} $ b"')
    const [idp] = read({ 'idps.yaml': text }, { SECRET: 'x: [y', P: '*a, {b: c}' }).idps
    assert.ok(idp?.check.by === 'introspection')
    assert.equal(idp.check.clientSecret.current(), 'x: [y')
  })

  test('are all looked at before anything is told', () => {
    const told = mistakes({
      'idps.yaml': 'idps: 1',
      'pdp.yaml': 'connection: {}',
      'routes.yaml': 'routes:\n  - path: /a\n  - path: /b\n',
    })
    assert.deepEqual(told, [
      'idps.yaml:1: idps: expected a list',
      'pdp.yaml:1: connection.base_url: missing, expected an http(s) URL without credentials, query and fragment; https beyond this machine, unless REKEY_ALLOW_PLAINTEXT=true',
      'routes.yaml:2: routes[0].target_service: missing, expected a text',
      'routes.yaml:3: routes[1].target_service: missing, expected a text',
    ])
  })

  test('let plain HTTP leave the machine only where that was said', () => {
    const text = 'routes:\n  - {path: /a, target_service: "http://api.example.com"}\n'
    assert.match(
      mistakes({ 'routes.yaml': text })[0] ?? '',
      /^routes.yaml:2: routes\[0\].target_service: expected a name/,
    )
    assert.equal(read({ 'routes.yaml': text }, {}, { allowPlaintext: true }).routes.length, 1)
    assert.equal(read({ 'routes.yaml': text.replace('api.example.com', '127.0.0.1:8080') }).routes.length, 1)
  })
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: this is how variables are written
/** One change to a good file, where it is told, and the beginning of what is told. */
const table: [what: string, file: keyof Texts, from: string | RegExp, to: string, told: string][] = [
  [
    'tabs',
    'routes.yaml',
    '    target_service: orders',
    '\t target_service: orders',
    'routes.yaml:5: indentation by tabs',
  ],
  ['a key twice', 'routes.yaml', '    scopes: [orders]', '    auth: none', 'routes.yaml:9: this key stands twice'],
  ['two documents', 'routes.yaml', 'routes:', '---\nroutes:', 'routes.yaml:3: more than one document'],
  ['a quote that is not closed', 'idps.yaml', 'keycloak', '"keycloak', 'idps.yaml:15: a closing quote'],
  [
    'an alias of nothing',
    'idps.yaml',
    'keycloak',
    '*keycloak',
    'idps.yaml:3: idps[0].provider: an alias without an anchor',
  ],
  ['a tag', 'idps.yaml', 'keycloak', '!!js/function keycloak', 'idps.yaml:3: tags are not understood here'],
  [
    'a field that there is not',
    'routes.yaml',
    'scopes:',
    'scope:',
    'routes.yaml:9: routes[0].scope: there is no such field',
  ],
  [
    'a part of upstream_path that there is not',
    'routes.yaml',
    '/v2/orders/:id',
    '/v2/orders/{idd}',
    'routes.yaml:6: routes[0].upstream_path: it names a part that the path does not have',
  ],
  [
    'a word that is none',
    'routes.yaml',
    'bearer',
    'basic',
    'routes.yaml:8: routes[0].auth: expected session or bearer or link or none',
  ],
  [
    'a variable that is not set',
    'routes.yaml',
    '${STREAMING}',
    '${NOPE}',
    'routes.yaml:13: routes[1].streaming: not set: NOPE',
  ],
  ['a variable that is none', 'idps.yaml', 'keycloak', '${a b}', 'idps.yaml:3: idps[0].provider: expected ${NAME}'],
  [
    'no value',
    'idps.yaml',
    'audience: urn:example:api',
    'audience:',
    'idps.yaml:5: idps[0].audience: there is no value',
  ],
  [
    'no audience',
    'idps.yaml',
    '    audience: urn:example:api\n',
    '',
    'idps.yaml:2: idps[0].audience: missing, expected a text, a list of texts, or null for any',
  ],
  [
    'a number for a text',
    'idps.yaml',
    'client_id: bff',
    'client_id: 12',
    'idps.yaml:8: idps[0].client_id: expected a text',
  ],
  [
    'a secret that is missing',
    'idps.yaml',
    /.*client_secret.*\n/,
    '',
    'idps.yaml:2: idps[0].client_secret: missing, and introspection_url needs it',
  ],
  [
    'a secret file that is missing',
    'idps.yaml',
    '${SECRET}',
    'file:/nowhere/hunter2',
    'idps.yaml:9: idps[0].client_secret: the file is missing',
  ],
  [
    'a secret twice',
    'idps.yaml',
    '    claims',
    '    client_secret_file: /x\n    claims',
    'idps.yaml:9: idps[0].client_secret and idps.yaml:10: idps[0].client_secret_file are both set',
  ],
  [
    'no way to check tokens',
    'idps.yaml',
    /.*introspection_url.*\n/,
    '',
    'idps.yaml:2: idps[0].jwks_url: missing; tokens are checked by',
  ],
  [
    'local verification without keys',
    'idps.yaml',
    '    client_id',
    '    verify: local\n    client_id',
    'idps.yaml:2: idps[0].jwks_url: missing',
  ],
  [
    'a URL with a password',
    'idps.yaml',
    'https://idp.example.com/introspect',
    'https://a:hunter2@idp.example.com',
    'idps.yaml:6: idps[0].introspection_url: expected an http(s) URL without credentials',
  ],
  [
    'a cache that is kept for too long',
    'idps.yaml',
    '    client_id',
    '    cache_seconds: 31\n    client_id',
    'idps.yaml:8: idps[0].cache_seconds: expected seconds',
  ],
  [
    'a certificate that is not looked at',
    'pdp.yaml',
    'timeout: 2',
    'verify_ssl: false',
    'pdp.yaml:6: connection.verify_ssl: anybody on the way could allow everything',
  ],
  [
    'an id without a secret',
    'pdp.yaml',
    /.*client_secret_file.*\n/,
    '',
    'pdp.yaml:1: connection.client_secret: missing, and goes together with client_id',
  ],
  [
    'an id of nowhere',
    'pdp.yaml',
    'id_from: path:id}',
    'id_from: header:id}',
    'pdp.yaml:9: endpoint_map["/api/orders/{id}"].GET.id_from: expected path:NAME, query:NAME or body:NAME',
  ],
  [
    'a parameter that the path does not have',
    'pdp.yaml',
    '/api/orders/{id}',
    '/api/orders/{key}',
    'pdp.yaml:8: endpoint_map["/api/orders/{key}"]: the path has no parameter id',
  ],
  [
    'a method that is none',
    'pdp.yaml',
    'GET:',
    'FETCH:',
    'pdp.yaml:9: endpoint_map["/api/orders/{id}"].FETCH: expected another name',
  ],
  [
    'a path with something behind its wildcard',
    'routes.yaml',
    '/events/**',
    '/events/**/x',
    'routes.yaml:11: routes[1].path: expected a path such as',
  ],
  [
    'a path that leaves itself',
    'routes.yaml',
    '/events/**',
    '/events/../x',
    'routes.yaml:11: routes[1].path: expected a path such as',
  ],
  [
    'a path of the BFF itself',
    'routes.yaml',
    '/events/**',
    '/auth/**',
    'routes.yaml:11: routes[1].path: the BFF itself answers there',
  ],
  [
    'a route twice',
    'routes.yaml',
    '/events/**',
    '/api/orders/:number',
    'routes.yaml:11: routes[1].path: another route has this path for GET, POST',
  ],
  [
    'a service that is none',
    'routes.yaml',
    'target_service: orders',
    'target_service: order',
    'routes.yaml:5: routes[0].target_service: expected a name under services',
  ],
  [
    'methods that nobody decides about',
    'routes.yaml',
    '[GET, post]',
    '[GET, DELETE]',
    'routes.yaml:10: routes[0].authz: neither authz_map nor endpoint_map says what is asked for DELETE',
  ],
  [
    'a map that nobody looks at',
    'routes.yaml',
    'authz: pdp',
    'authz_map: {resource: a, action: b}',
    'routes.yaml:10: routes[0].authz_map: nobody is asked without authz: pdp',
  ],
  [
    'a map with a mistake',
    'routes.yaml',
    'authz: pdp',
    'authz: pdp\n    authz_map: {resource: a}',
    'routes.yaml:11: routes[0].authz_map.action: missing',
  ],
  [
    'a decision about nobody',
    'routes.yaml',
    'auth: bearer',
    'auth: none',
    'routes.yaml:9: routes[0].scopes: only bearer',
  ],
  [
    'scopes of a session',
    'routes.yaml',
    'auth: bearer',
    'auth: session',
    'routes.yaml:9: routes[0].scopes: only bearer',
  ],
]

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: this is how variables are written

describe('a mistake is told with its file, line and field:', () => {
  for (const [what, file, from, to, told] of table) {
    test(what, () => {
      const before = good[file]
      const after = before.replace(from, () => to)
      assert.notEqual(after, before)
      const [first = 'nothing', ...rest] = mistakes({ ...good, [file]: after }, env)
      assert.ok(first.startsWith(told), [first, ...rest].join('\n'))
      assert.ok(![first, ...rest].join('\n').includes('hunter2'))
    })
  }

  test('two identity providers of whom one cannot say whose a token is', () => {
    const twice = `${idps}${idps.slice('idps:\n'.length).replace('urn:example:api', '[urn:other, urn:example:api]')}`
    assert.deepEqual(mistakes({ 'idps.yaml': twice }, env), [
      'idps.yaml:15: idps[1].name: another one has this name',
      'idps.yaml:17: idps[1].issuer: another one has this issuer and audience',
    ])
  })

  test('a route at the place of the pages that are served', () => {
    const text = 'routes:\n  - {path: /**, target_service: http://localhost:1, methods: [POST]}\n'
    assert.deepEqual(mistakes({ 'routes.yaml': text }, env), [])
    assert.deepEqual(mistakes({ 'routes.yaml': text }, env, { hasPages: true }), [
      'routes.yaml:2: routes[0].path: REKEY_BFF_WEB is served there: leave one of the two out',
    ])
  })

  test('a bearer route without identity providers, and a decision without a decision point', () => {
    assert.deepEqual(mistakes({ 'routes.yaml': routes }, env), [
      'routes.yaml:8: routes[0].auth: idps.yaml, or REKEY_JWT_ISSUER, has to say whose tokens are good',
      'routes.yaml:10: routes[0].authz: pdp needs pdp.yaml, to say who decides',
    ])
  })

  test('aliases that stand for gigabytes', () => {
    const levels = ['a: &a [x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 9; i++) {
      const [inner, outer] = ['abcdefghij'[i - 1], 'abcdefghij'[i]]
      levels.push(`${outer}: &${outer} [${Array(9).fill(`*${inner}`).join(', ')}]`)
    }
    assert.deepEqual(mistakes({ 'routes.yaml': levels.join('\n') }), ['routes.yaml:1: too many aliases'])
  })

  test('text that is none', () => {
    assert.deepEqual(mistakes({ 'routes.yaml': Uint8Array.of(0xff, 0xfe, 0x00) }), ['routes.yaml: not UTF-8'])
    assert.deepEqual(mistakes({ 'routes.yaml': '' }), ['routes.yaml:1: expected fields'])
  })
})
