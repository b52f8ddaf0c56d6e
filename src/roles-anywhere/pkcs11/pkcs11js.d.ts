/**
 * What is used of the optional package pkcs11js. Where that could not be compiled npm leaves out all of
 * it, its types as well, and the rest has to be checked all the same.
 */
declare module 'pkcs11js' {
  export type Handle = Buffer;

  export interface TokenInfo {
    label: string;
    manufacturerID: string;
    model: string;
    serialNumber: string;
    flags: number;
  }

  export interface Mechanism {
    mechanism: number;
  }

  export interface Attribute {
    type: number;
    value?: number | boolean | string | Buffer | Date;
  }

  export class PKCS11 {
    load(path: string): void;
    close(): void;
    C_Initialize(): void;
    C_Finalize(): void;
    C_GetSlotList(tokenPresent: boolean): Handle[];
    C_GetTokenInfo(slot: Handle): TokenInfo;
    C_OpenSession(slot: Handle, flags: number): Handle;
    C_CloseSession(session: Handle): void;
    C_Login(session: Handle, userType: number, pin?: string): void;
    C_CreateObject(session: Handle, template: Attribute[]): Handle;
    C_FindObjectsInit(session: Handle, template: Attribute[]): void;
    C_FindObjects(session: Handle, maxObjectCount: number): Handle[];
    C_FindObjectsFinal(session: Handle): void;
    C_GetAttributeValue(
      session: Handle,
      object: Handle,
      template: Attribute[],
    ): { type: number; value: Buffer }[];
    C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
    C_SignAsync(session: Handle, data: Buffer, signature: Buffer): Promise<Buffer>;
  }

  export const CKA_ALWAYS_AUTHENTICATE: number;
  export const CKA_CERTIFICATE_TYPE: number;
  export const CKA_CLASS: number;
  export const CKA_COEFFICIENT: number;
  export const CKA_EC_PARAMS: number;
  export const CKA_EC_POINT: number;
  export const CKA_EXPONENT_1: number;
  export const CKA_EXPONENT_2: number;
  export const CKA_ID: number;
  export const CKA_KEY_TYPE: number;
  export const CKA_LABEL: number;
  export const CKA_MODULUS: number;
  export const CKA_PRIME_1: number;
  export const CKA_PRIME_2: number;
  export const CKA_PRIVATE: number;
  export const CKA_PRIVATE_EXPONENT: number;
  export const CKA_PUBLIC_EXPONENT: number;
  export const CKA_SIGN: number;
  export const CKA_SUBJECT: number;
  export const CKA_TOKEN: number;
  export const CKA_VALUE: number;
  export const CKC_X_509: number;
  export const CKF_LOGIN_REQUIRED: number;
  export const CKF_PROTECTED_AUTHENTICATION_PATH: number;
  export const CKF_RW_SESSION: number;
  export const CKF_SERIAL_SESSION: number;
  export const CKF_TOKEN_INITIALIZED: number;
  export const CKF_USER_PIN_COUNT_LOW: number;
  export const CKF_USER_PIN_FINAL_TRY: number;
  export const CKF_USER_PIN_LOCKED: number;
  export const CKK_EC: number;
  export const CKK_RSA: number;
  export const CKM_ECDSA: number;
  export const CKM_RSA_PKCS: number;
  export const CKO_CERTIFICATE: number;
  export const CKO_PRIVATE_KEY: number;
  export const CKO_PUBLIC_KEY: number;
  export const CKU_CONTEXT_SPECIFIC: number;
  export const CKU_USER: number;
}
