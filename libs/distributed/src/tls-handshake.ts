import { connect as connectPlain, isIP } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { systemCode } from '@foldline/kernel';

/** PEM texts; the well-known authorities are trusted where there is none of one's own. */
export type TlsTexts = { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer };
export type Door = {
  host: string;
  port: number;
  /** Absent where the settings say that there is no TLS. */ tls?: TlsTexts;
};
/** What is wrong between our settings and what answers at a door; `absent` where nothing answers. */
export type Mistake =
  | 'none'
  | 'absent'
  | 'needs TLS'
  | 'has no TLS'
  | 'authority unknown'
  | 'other name'
  | 'out of date'
  | 'wants a certificate';

const CONNECT_MS = 3_000;
/** With TLS 1.3 a server says only after the handshake that it wants another certificate of its client. */
const AFTERWARDS_MS = 300;

const OF_CODE: Readonly<Record<string, Mistake>> = {
  CERT_HAS_EXPIRED: 'out of date',
  CERT_NOT_YET_VALID: 'out of date',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'authority unknown',
  EPROTO: 'has no TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'has no TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'has no TLS',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'wants a certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'wants a certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'wants a certificate',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'wants a certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'other name',
  SELF_SIGNED_CERT_IN_CHAIN: 'authority unknown',
  UNABLE_TO_GET_ISSUER_CERT: 'authority unknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'authority unknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'authority unknown',
};

/**
 * Shakes hands at the door of a server as the settings say, and says nothing more there. What the clients of the four
 * servers tell about a failed handshake differs, and some of them tell nothing; this tells.
 */
export const mistakeAt = async ({ host, port, tls }: Door): Promise<Mistake> => {
  if (!(await answers(host, port))) return 'absent';
  const where = { host, port, servername: isIP(host) ? '' : host };
  if (tls) return shakeHands({ ...where, ...tls });
  const mistake = await shakeHands({ ...where, rejectUnauthorized: false });
  return mistake === 'none' || mistake === 'wants a certificate' ? 'needs TLS' : 'none';
};

const shakeHands = (options: ConnectionOptions): Promise<Mistake> =>
  new Promise((resolve) => {
    const socket = connect(options);
    const settle = (mistake: Mistake): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(mistake);
    };
    let late = setTimeout(() => settle('absent'), CONNECT_MS);
    socket.on('error', (error) => settle(OF_CODE[systemCode(error) ?? ''] ?? 'absent'));
    socket.on('close', () => settle('absent'));
    socket.once('secureConnect', () => {
      clearTimeout(late);
      late = setTimeout(() => settle('none'), AFTERWARDS_MS);
      socket.on('end', () => settle('none')).resume();
    });
  });

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connectPlain({ host, port, timeout: CONNECT_MS });
    const settle = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', settle(true)).once('error', settle(false)).once('timeout', settle(false));
  });
