import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { configVariables as bffVariables } from '@rekey/bff'
import { configVariables as idpVariables } from '@rekey/idp'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { root } from '../repository.ts'
import { compose } from './compose.ts'

const { $schema: _, ...schema } = JSON.parse(readFileSync(join(root, 'test/deploy/compose-spec/schema.json'), 'utf8'))
const file = compose()
const services = Object.entries(file.services)
const mounted = '/run/secrets/'

function secretsNamed(environment: Readonly<Record<string, string>> = {}): string[] {
  return Object.values(environment).flatMap((value) => value.split(mounted).slice(1))
}

describe('the compose file', () => {
  it('is one by the schema of the specification', () => {
    const ajv = new Ajv({ strict: false, allErrors: true })
    addFormats.default(ajv)
    // Formats that the specification has, and says no more of.
    for (const format of ['duration', 'expose', 'ports', 'subnet_ip_address']) ajv.addFormat(format, true)
    const isValid = ajv.compile(schema)
    isValid(file)
    assert.deepEqual(isValid.errors ?? [], [])
    assert.equal(isValid({ ...file, services: { ...file.services, api: { imag: 'x' } } }), false)
  })

  it('declares every secret that is referred to, and no other', () => {
    const declared = Object.keys(file.secrets).sort()
    const used = [...new Set(services.flatMap(([, { secrets = [] }]) => secrets))].sort()
    assert.deepEqual(used, declared)
    for (const [name, { file: path }] of Object.entries(file.secrets)) assert.equal(path, `./secrets/${name}`)
  })

  it('mounts to a service what its variables name, and nothing else', () => {
    for (const [name, { environment, secrets = [] }] of services) {
      // The database is given the URLs, whose passwords its roles get.
      const named = name === 'postgres' ? secrets : secretsNamed(environment)
      assert.deepEqual([...named].sort(), [...secrets].sort(), name)
    }
  })

  it('gives each service its own secrets', () => {
    const holders = (secret: string) =>
      services.filter(([, { secrets = [] }]) => secrets.includes(secret)).map(([name]) => name)
    for (const secret of Object.keys(file.secrets)) {
      const owner = secret.split('-')[0] ?? ''
      const expected = /^(?:idp|bff)-database-(?:owner-)?url$/.test(secret)
        ? ['postgres', owner]
        : secret === 'bff-admin-token'
          ? ['idp', 'bff']
          : [['postgres', 'idp', 'api', 'grafana'].includes(owner) ? owner : 'bff']
      assert.deepEqual(holders(secret), expected, secret)
    }
  })

  it('has no secret as the value of a variable', () => {
    const secretive = /(?:SECRET|TOKEN|PASSWORD|SALT|KEY|DATABASE\w*URL)(?:_FILE)?$/
    for (const [name, { environment = {} }] of services) {
      for (const [variable, value] of Object.entries(environment)) {
        if (secretive.test(variable)) assert.match(value, /^(?:file:)?\/run\/secrets\/[\w-]+$/, `${name} ${variable}`)
        assert.doesNotMatch(value, /:\/\/[^/\s]*@/, `${name} ${variable}`)
      }
    }
  })

  it('sets variables that there are', () => {
    const known = (names: readonly string[]) => names.flatMap((name) => [name, `${name}_FILE`])
    for (const [name, variables] of [
      ['idp', idpVariables],
      ['bff', bffVariables],
    ] as const) {
      const set = Object.keys(file.services[name]?.environment ?? {})
      assert.deepEqual(
        set.filter((variable) => !known(variables).includes(variable)),
        [],
        name,
      )
    }
  })

  it('has access tokens issued for the API, and says as which client the backend logs users in', () => {
    const [idp = {}, bff = {}] = [file.services.idp?.environment, file.services.bff?.environment]
    assert.equal(bff.AUTH_RESOURCE, 'urn:rekey:api')
    assert.equal(idp.REKEY_BFFS, `http://bff:8000 client=${bff.AUTH_CLIENT_ID}`)
  })

  it('has what watches it in a profile of its own, of which only Prometheus may read metrics', () => {
    const watching = services.filter(([, { profiles = [] }]) => profiles.includes('monitoring'))
    assert.deepEqual(
      watching.map(([name]) => name),
      ['prometheus', 'alertmanager', 'grafana'],
    )
    const networks = file.services.prometheus?.networks as Record<string, { ipv4_address?: string }>
    const address = networks.monitoring?.ipv4_address
    for (const name of ['idp', 'bff']) assert.equal(file.services[name]?.environment?.REKEY_METRICS_FROM, address, name)
    for (const [name, { volumes = [] }] of watching) {
      for (const [, path = ''] of volumes.join('\n').matchAll(/^\.\/([^:]+):/gm)) {
        assert.ok(existsSync(join(root, 'deploy', path)), `${name} ${path}`)
      }
    }
  })

  it('lets no process gain rights, write into its image, or be taken for well without being asked', () => {
    for (const [name, service] of services) {
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name)
      assert.equal(service.read_only, true, name)
      assert.deepEqual(service.cap_drop, ['ALL'], name)
    }
    const image = readFileSync(join(root, 'deploy/Containerfile'), 'utf8')
    for (const [name, { healthcheck, build }] of services) {
      const own = new RegExp(`AS ${build?.target}\\n(?:(?!FROM)[\\s\\S])*HEALTHCHECK`)
      assert.ok(healthcheck !== undefined || own.test(image), name)
    }
  })

  describe('and the secrets that are made for it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'secrets-'))
    after(() => rmSync(folder, { recursive: true }))
    const make = () => execFileSync('sh', [join(root, 'deploy/make-secrets.sh'), folder])
    const all = () =>
      Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))

    it('are those that it declares, each another one, in a folder for their owner alone', () => {
      make()
      const made = all()
      assert.deepEqual(Object.keys(made).sort(), Object.keys(file.secrets).sort())
      assert.equal(new Set(Object.values(made)).size, Object.keys(made).length)
      assert.match(made['idp-root-key'] ?? '', /^[0-9a-f]{64}\n$/)
      assert.match(made['bff-database-url'] ?? '', /^postgres:\/\/rekey_bff:[0-9a-f]{48}@postgres:5432\/rekey_bff\n$/)
    })

    it('stay as they are when they are made again', () => {
      const before = all()
      make()
      assert.deepEqual(all(), before)
    })

    it('are written over by their owner alone, and read by whichever user a container has', () => {
      for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o644, name)
    })

    it('are replaced in no runbook by another file, which no container would see', () => {
      for (const name of ['docs/runbooks/bff-secrets.md', 'docs/runbooks/bff-gateway.md', 'deploy/README.md']) {
        assert.doesNotMatch(readFileSync(join(root, name), 'utf8'), /\bmv \S+ secrets\//, name)
      }
    })
  })
})
