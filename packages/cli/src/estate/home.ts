import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The files of the backend for frontend in an estate's home. */
export interface BffHome {
  folder: string
  rootKeyFile: string
  /** The key that it authenticates by, and its registration. */
  keysFolder: string
  /** The secret that it asks about bearer tokens by; during an overlap the old one in a second line. */
  clientSecretFile: string
  /** By which the IdP ends sessions there in an incident. */
  adminTokenFile: string
  /** By which it registers, where it has to. */
  initialAccessFile: string
  revocationJournal: string
  auditCheckpoints: string
}

/** The files of an estate's home. */
export interface Home {
  folder: string
  estateFile: string
  clientsFile: string
  rootKeyFile: string
  lockFile: string
  logsFolder: string
  databasesFolder: string
  /** What was revoked, outside of the database: a backup that is restored knows nothing of it. */
  revocationJournal: string
  /** Signed checkpoints of the audit, outside of the database: whoever shortens the audit there cannot shorten these. */
  auditCheckpoints: string
  /** Signs evidence, and nothing else. */
  evidenceKeyFile: string
  evidenceFolder: string
  /** Incidents of an IdP that is steered by commands. */
  incidentsFolder: string
  /** What clients may register as at this estate. */
  clientProfilesFile: string
  bff: BffHome
}

/** The paths below `$REKEY_HOME` (default: `.rekey` in the current folder). Touches nothing. */
export function homeOf(env: Readonly<Record<string, string | undefined>>, currentFolder: string): Home {
  const folder = resolve(currentFolder, env.REKEY_HOME || '.rekey')
  return {
    folder,
    estateFile: join(folder, 'estate.json'),
    clientsFile: join(folder, 'clients.json'),
    rootKeyFile: join(folder, 'root.key'),
    lockFile: join(folder, 'up.lock'),
    logsFolder: join(folder, 'logs'),
    databasesFolder: join(folder, 'database'),
    revocationJournal: join(folder, 'revocations.jsonl'),
    auditCheckpoints: join(folder, 'audit-checkpoints'),
    evidenceKeyFile: join(folder, 'evidence.key'),
    evidenceFolder: join(folder, 'evidence'),
    incidentsFolder: join(folder, 'incidents'),
    clientProfilesFile: join(folder, 'client-profiles.json'),
    bff: bffHomeOf(join(folder, 'bff')),
  }
}

function bffHomeOf(folder: string): BffHome {
  return {
    folder,
    rootKeyFile: join(folder, 'root.key'),
    keysFolder: join(folder, 'keys'),
    clientSecretFile: join(folder, 'client.secret'),
    adminTokenFile: join(folder, 'admin.token'),
    initialAccessFile: join(folder, 'initial-access.token'),
    revocationJournal: join(folder, 'revocations.jsonl'),
    auditCheckpoints: join(folder, 'audit-checkpoints'),
  }
}

/** Makes the home, closed to everybody else: it holds the root key and credentials in the clear. */
export function makeHome(home: Home): void {
  mkdirSync(home.folder, { recursive: true, mode: 0o700 })
  // An existing folder keeps its mode through mkdir.
  chmodSync(home.folder, 0o700)
  mkdirSync(home.logsFolder, { recursive: true, mode: 0o700 })
}

/**
 * The folder that names this home's database; made with a random name at the first start.
 *
 * PostgreSQL of an estate that root runs keeps its data outside of the home, in a place that follows from this folder's path.
 * By its random name a home that was removed and made anew does not meet the data of its predecessor, which its new root
 * key cannot open.
 */
export function ensureDatabaseFolder(home: Home): string {
  mkdirSync(home.databasesFolder, { recursive: true, mode: 0o700 })
  const [name = randomBytes(8).toString('hex')] = readdirSync(home.databasesFolder)
  const folder = join(home.databasesFolder, name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}
