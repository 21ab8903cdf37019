import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import { CliError } from '../error.ts'

/** Where the parts of an estate listen. */
export interface Ports {
  /** One for each instance of the backend for frontend; none where it is switched off. */
  bffs: readonly number[]
  /** One for each instance of the IdP. */
  idps: readonly [number, ...number[]]
  database: number
  apis: readonly [number, number]
}

/** So many instances of the IdP, and of the BFF, an estate has room for. */
export const mostIdps = 8
export const mostBffs = 4

/** How many instances there are of what there may be several of. */
export interface Counts {
  idps?: number
  bffs?: number
}

const offsets = { bff: 0, furtherBffs: 10, idp: 2, database: 54, apis: [81, 82] } as const
const highestBase = 65_535 - 82

/** @throws CliError `WRONG_USE` when REKEY_PORT_BASE is no port that leaves room for all parts */
export function portsOf(env: Readonly<Record<string, string | undefined>>, { idps = 1, bffs = 1 }: Counts = {}): Ports {
  const text = env.REKEY_PORT_BASE || '8000'
  const base = Number(text)
  if (!/^\d{1,5}$/.test(text) || base < 1 || base > highestBase) {
    throw new CliError('WRONG_USE', `REKEY_PORT_BASE "${text}" is no port between 1 and ${highestBase}`)
  }
  const first = base + offsets.idp
  const furtherBffs = Array.from({ length: Math.max(0, bffs - 1) }, (_, index) => base + offsets.furtherBffs + index)
  return {
    bffs: bffs === 0 ? [] : [base + offsets.bff, ...furtherBffs],
    idps: [first, ...Array.from({ length: idps - 1 }, (_, index) => first + 1 + index)],
    database: base + offsets.database,
    apis: [base + offsets.apis[0], base + offsets.apis[1]],
  }
}

/**
 * Tries every port on every address of localhost.
 *
 * @throws CliError `PORT_TAKEN`, naming the ports and the variable that moves them
 */
export async function requireFree(ports: readonly { port: number; use: string }[]): Promise<void> {
  const taken: (typeof ports)[number][] = []
  for (const wanted of ports) {
    if (!(await isFree(wanted.port))) taken.push(wanted)
  }
  if (taken.length === 0) return
  const list = taken.map(({ port, use }) => `${port} (${use})`).join(', ')
  throw new CliError(
    'PORT_TAKEN',
    `${taken.length === 1 ? `port ${list} is` : `ports ${list} are`} taken by another process. Stop it, or set REKEY_PORT_BASE to move the whole estate ` +
      '(for example REKEY_PORT_BASE=9000)',
    { ports: taken.map(({ port }) => port) },
  )
}

/** Whether every address of localhost can be listened on at this port. */
export async function isFree(port: number): Promise<boolean> {
  for (const { address } of await lookup('localhost', { all: true })) {
    if (!(await canListen(port, address))) return false
  }
  return true
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else if (error.code === 'EADDRNOTAVAIL') resolve(true)
      else reject(new CliError('START_FAILED', `port ${port} on ${host} cannot be used`, { port }, { cause: error }))
    })
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
