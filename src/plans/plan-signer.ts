import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { EngineError } from '../model/errors.ts';
import { fileTrouble } from '../model/file-trouble.ts';
import { planKeyId, type SignedPlan, signedBytes, writePublicKey, writeSignature } from '../rules/plan-signature.ts';

/** Who may read the file beside its owner: nobody. */
const othersMode = 0o077;

/** Signs plans with one private key, which never leaves it. */
export class PlanSigner {
  readonly publicKey: string;
  readonly keyId: string;
  readonly #key: KeyObject;

  constructor(privateKey: KeyObject) {
    this.#key = privateKey;
    this.publicKey = writePublicKey(createPublicKey(privateKey));
    this.keyId = planKeyId(this.publicKey);
  }

  sign(plan: SignedPlan): string {
    return writeSignature(this.keyId, sign(null, signedBytes(plan), this.#key));
  }
}

/** How the plans of a stream are signed. `root` null = they are not, and `signer` is of no use. */
export interface PlanSigning {
  /** Public key that the stream's plans begin with. */
  readonly root: string | null;
  /** Null where plans are only verified. */
  readonly signer: PlanSigner | null;
}

export const unsignedPlans: PlanSigning = { root: null, signer: null };

/** Reads a private key; `named` is the setting or flag that names the file. Throws CONFIG_INVALID, never with what the file holds. */
export function readSigner(file: string, named: string): PlanSigner {
  const pem = readPrivateFile(file, named);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw invalid(`${named}: ${file} holds no private key in PEM; "paceline keys make" writes one`, cause);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw invalid(`${named}: ${file} holds a key of type ${key.asymmetricKeyType}, plans are signed with ed25519`);
  return new PlanSigner(key);
}

/** Makes a new private key in a file that is not there yet, mode 0600. Throws USAGE. */
export function makeKeyFile(file: string): PlanSigner {
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    // "x": an existing key is never written over.
    const handle = openSync(file, 'wx', 0o600);
    try {
      // A umask can only take bits away, an inherited access list may add some.
      fchmodSync(handle, 0o600);
      writeSync(handle, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    throw new EngineError('USAGE', `cannot make ${file}: ${(cause as Error).message}`, { cause });
  }
  return new PlanSigner(privateKey);
}

function readPrivateFile(file: string, named: string): string {
  try {
    const handle = openSync(file, 'r');
    try {
      const { mode } = fstatSync(handle);
      if ((mode & othersMode) !== 0)
        throw invalid(`${named}: others than its owner may read ${file} (mode ${octal(mode)}); chmod 600 ${file}`);
      return readFileSync(handle, 'utf8');
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw invalid(`${named}: ${fileTrouble(cause, file)}`, cause);
  }
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError('CONFIG_INVALID', message, { cause });
}
