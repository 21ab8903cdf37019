import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { connect } from '@rekey/database'
import { SecretEstate } from './estate.ts'

const skip = existsSync('/proc/self/environ')
  ? false
  : 'SKIPPED: without /proc nobody can see here what processes were given'

interface Process {
  name: string
  pid: number
  commandLine: string
  environment: Record<string, string>
  /** What its open descriptors lead to. */
  open: string[]
}

/** Which secrets may stand in the environment of which process; everything else is read from files when it is needed. */
const own: Readonly<Record<string, readonly string[]>> = {
  // What started everything has the shell's variables, and gives them to nobody.
  up: ['AWS_SECRET_ACCESS_KEY'],
  idp: ['the database password of idp'],
  bff: ['the database password of bff'],
  'api-1': ['the secret of verifier 1'],
  'api-2': ['the secret of verifier 2'],
  postgres: [],
}

/** Which folders and files of the home belong to whom: the first that fits counts. */
const owners: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^logs\/([\w-]+)\.log$/, ['$1', 'up']],
  [/^(api-\d)\.trust\.json/, ['$1']],
  [/^bff\//, ['bff']],
  [/^database\//, ['postgres', 'up']],
  [/^(root\.key|evidence\.key|revocations\.jsonl|audit-checkpoints)/, ['idp']],
  [/^client-profiles\.json$/, ['idp']],
  [/^/, ['up']],
]

describe('secrets of processes', { skip, timeout: 120_000 }, () => {
  let estate: SecretEstate
  let home: string
  let processes: Process[]

  before(async () => {
    estate = await SecretEstate.start('info')
    home = estate.place.path('.').replace(/\/\.$/, '')
    await estate.learn()
    processes = processesOf(estate)
    for (const { name, environment } of processes) {
      const { DATABASE_URL: url } = environment
      if (url) estate.known.add(`the database password of ${name}`, new URL(url).password)
    }
  })
  after(() => estate?.stop())

  test('all processes of the estate are looked at', () => {
    assert.deepEqual(processes.map(({ name }) => name).sort(), Object.keys(own).sort())
    assert.ok(processes.every(({ commandLine, environment }) => commandLine !== '' && environment.PATH))
  })

  test('no command line has any: everybody on the machine can read those', () => {
    for (const { name, commandLine } of processes) assert.deepEqual(estate.known.in(commandLine), [], name)
  })

  test('an environment has its own, and nobody else’s', () => {
    for (const { name, environment } of processes) {
      const found = estate.known.in(JSON.stringify(environment))
      assert.deepEqual(found.sort(), [...(own[name] ?? [])].sort(), name)
    }
  })

  test('an environment names no file of another’s, but for the token by which the IdP ends sessions in an incident', () => {
    for (const { name, environment } of processes.filter((process) => process.name !== 'up')) {
      const foreign = Object.entries(environment).filter(([, value]) =>
        pathsIn(value).some((path) => !isOf(path, name)),
      )
      const allowed = name === 'idp' ? ['REKEY_BFF_ADMIN_TOKEN_FILE'] : []
      assert.deepEqual(
        foreign.map(([variable]) => variable),
        allowed,
        name,
      )
    }
  })

  function pathsIn(value: string): string[] {
    return [...value.matchAll(/\/[^\s,]+/g)].flatMap(([path]) => (path.startsWith(`${home}/`) ? [path] : []))
  }

  test('nobody holds a file open that is another’s', () => {
    for (const { name, open } of processes) {
      const foreign = open.filter((path) => path.startsWith(`${home}/`) && !isOf(path, name))
      assert.deepEqual(foreign, [], name)
    }
  })

  function isOf(path: string, name: string): boolean {
    const inside = path.slice(home.length + 1)
    const [pattern = /^/, names = []] = owners.find(([one]) => one.test(inside)) ?? []
    const [, captured = ''] = pattern.exec(inside) ?? []
    return names.some((owner) => owner.replace('$1', captured) === name)
  }

  test('each database is its service’s alone: the other one’s role cannot even connect', async () => {
    const urlOf = (name: string) => processes.find((process) => process.name === name)?.environment.DATABASE_URL ?? ''
    for (const [one, other] of [
      ['idp', 'bff'],
      ['bff', 'idp'],
    ] as const) {
      const url = new URL(urlOf(one))
      url.pathname = new URL(urlOf(other)).pathname
      const { pool, close } = connect(url.href)
      // SQLSTATE insufficient_privilege.
      await assert.rejects(pool.query('SELECT 1'), { code: '42501' }, `${one} came into the database of ${other}`)
      await close()
    }
  })
})

function processesOf({ place, up }: SecretEstate): Process[] {
  const { holder, children } = JSON.parse(readFileSync(place.path('up.lock'), 'utf8'))
  const pids = [holder.pid, ...children.map(({ pid }: { pid: number }) => pid)]
  const postgres = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !pids.includes(pid) && /postgres -D /.test(commandLineOf(pid)) && parentOf(pid) === holder.pid)
  assert.equal(up.process.exitCode, null)
  return [...pids, ...postgres].map(processOf)
}

function processOf(pid: number): Process {
  const environment = Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
  const commandLine = commandLineOf(pid)
  return { name: nameOf(commandLine, environment), pid, commandLine, environment, open: openOf(pid) }
}

function nameOf(commandLine: string, { REKEY_STATE_FILE: state = '' }: Record<string, string>): string {
  const [, service] = /packages\/(idp|bff)\/src\/main\.ts/.exec(commandLine) ?? []
  return service ?? /(api-\d)\.trust\.json/.exec(state)?.[1] ?? (/postgres -D /.test(commandLine) ? 'postgres' : 'up')
}

/** A process may be gone meanwhile. */
function ifThere<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(code)) return otherwise
    throw error
  }
}

function commandLineOf(pid: number): string {
  return ifThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '), '')
}

function parentOf(pid: number): number {
  return ifThere(() => Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]), 0)
}

function openOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return ifThere(() => readdirSync(folder), [] as string[]).flatMap((fd) =>
    ifThere(() => [readlinkSync(`${folder}/${fd}`)], [] as string[]),
  )
}
