/** An estate of `rekey up` whose backend for frontend is given secrets from outside, and stands before a service of the test. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { exampleBff } from '../../src/estate/entry.ts'
import { Place, type Up } from '../up.ts'
import { addSealed, Known } from './known.ts'

/** Given as files, so that a changed one takes effect at once: the others are made and kept by the store. */
const given = ['TOKEN_HASH_SALT', 'CSRF_SECRET_KEY', 'REKEY_OIDC_BFF_SECRET'] as const
export type Given = (typeof given)[number]

export class SecretEstate {
  readonly place: Place
  readonly up: Up
  readonly known = new Known()
  /** What the service behind the BFF was sent. */
  readonly authorizations: string[]
  readonly #service: Server

  private constructor(place: Place, up: Up, service: Server, authorizations: string[]) {
    this.place = place
    this.up = up
    this.#service = service
    this.authorizations = authorizations
  }

  static async start(level: string): Promise<SecretEstate> {
    const place = await Place.find()
    const authorizations: string[] = []
    const service = createServer((request, response) => {
      authorizations.push(request.headers.authorization ?? '')
      response.end('hello')
    })
    await once(service.listen(0, '127.0.0.1'), 'listening')
    const { port } = service.address() as AddressInfo
    const folder = join(place.home, 'given')
    mkdirSync(folder)
    writeFileSync(join(folder, 'routes.yaml'), routes(`http://127.0.0.1:${port}`))
    writeFileSync(join(folder, 'idps.yaml'), readFileSync(join(exampleBff, 'idps.yaml')))
    place.more = {
      LOG_LEVEL: level,
      BFF_CONFIG_DIR: folder,
      // Nobody's, and of a service that is none of this estate.
      AWS_SECRET_ACCESS_KEY: 'somebody-elses-secret',
      ...Object.fromEntries(given.map((name) => [`${name}_FILE`, join(folder, name)])),
    }
    for (const name of given) writeFileSync(join(folder, name), `${secret()}\n`)
    const up = place.up()
    const estate = new SecretEstate(place, up, service, authorizations)
    await up.ready()
    return estate
  }

  get folder(): string {
    return join(this.place.home, 'given')
  }

  /** Puts a new one before the others in the file of a secret that is given. */
  giveAnother(name: Given): void {
    const file = join(this.folder, name)
    writeFileSync(file, `${secret()}\n${readFileSync(file, 'utf8')}`)
  }

  /** Everything that the estate's files and databases have now. */
  async learn(): Promise<void> {
    const { known, place } = this
    const { admin, agent, user, database = '' } = place.estate
    known.add('the secret of the administrator', admin.clientSecret)
    known.add('the secret of the agent', agent?.clientSecret)
    known.add('the password of the user', user?.password)
    const clients = JSON.parse(readFileSync(place.path('clients.json'), 'utf8'))
    for (const [index, { clientSecret }] of clients.verifiers.entries()) {
      known.add(`the secret of verifier ${index + 1}`, clientSecret)
    }
    known.add('the secret by which the BFF asks about tokens', clients.bff.clientSecret)
    known.add('the password of the databases’ owner', new URL(database).password)
    for (const name of given) {
      known.add(name, ...readFileSync(join(this.folder, name), 'utf8').trim().split('\n'))
    }
    known.add('AWS_SECRET_ACCESS_KEY', place.env.AWS_SECRET_ACCESS_KEY)
    for (const file of ['root.key', 'bff/root.key']) known.add(file, ...linesOf(place.path(file)))
    for (const file of ['admin.token', 'initial-access.token', 'client.secret']) {
      known.add(file, ...linesOf(place.path(join('bff', file))))
    }
    this.#learnKeys()
    await addSealed(known, database, place.path('root.key'))
    await addSealed(known, this.bffDatabase, place.path('bff/root.key'))
    for (const header of this.authorizations) known.addToken('an access token', header.replace('Bearer ', ''))
  }

  #learnKeys(): void {
    const { known, place } = this
    known.addKey('evidence.key', readFileSync(place.path('evidence.key'), 'utf8'))
    const folder = place.path('bff/keys')
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), 'utf8')
      if (text.startsWith('-----BEGIN PRIVATE')) known.addKey(name, text)
    }
    const client = JSON.parse(readFileSync(join(folder, 'bff_client.json'), 'utf8'))
    known.add('the registration access token of the BFF', client.registration_access_token)
  }

  get bffDatabase(): string {
    return `${this.place.estate.database}_bff`
  }

  async stop(): Promise<void> {
    if (this.up.process.exitCode === null && this.up.process.signalCode === null) {
      this.up.process.kill('SIGTERM')
      await this.up.exited
    }
    this.#service.close().closeAllConnections()
    this.place.remove()
  }
}

const secret = () => randomBytes(32).toString('base64')
const linesOf = (file: string) => readFileSync(file, 'utf8').trim().split('\n')

/** Nobody listens at port 1. */
const routes = (service: string) => `
services: { echo: ${service}, gone: "http://127.0.0.1:1" }
routes:
  - { path: /api/echo, target_service: echo, methods: [GET, POST], auth: session }
  - { path: /api/gone, target_service: gone, methods: [GET], auth: session }
  - { path: /bearer/echo, target_service: echo, methods: [GET], auth: bearer }
  - { path: /invitations/*, target_service: echo, methods: [GET], auth: link }
`
