"""An RSA key that depends on nothing but a seed, so that no private key need lie in the sandbox's code.

Libraries draw such keys from the system's own chance and take no seed. Good for a sandbox only: whoever knows the seed knows the key.
"""

import hashlib
import math
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)

_PRIME_BITS: Final = 1024  # two of them make a modulus of 2048 bits
_EXPONENT: Final = 65_537
_SMALL: Final = math.prod(number for number in range(3, 2_000) if all(number % below for below in range(2, math.isqrt(number) + 1)))
_BASES: Final = (2, 3, 5, 7)


@cache
def rsa_key_of(seed: str) -> RSAPrivateKey:
    """Return the key of 2048 bits that a seed stands for; drawing it takes a third of a second, once in a process.

    Raises:
        ValueError: from `cryptography`, should the numbers ever make no key.
    """
    p, q = _prime(f"{seed}/p"), _prime(f"{seed}/q")
    d = pow(_EXPONENT, -1, math.lcm(p - 1, q - 1))
    return RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa_crt_dmp1(d, p),
        dmq1=rsa_crt_dmq1(d, q),
        iqmp=rsa_crt_iqmp(p, q),
        public_numbers=RSAPublicNumbers(_EXPONENT, p * q),
    ).private_key()


def _prime(seed: str) -> int:
    """Return the first prime above a number drawn from the seed, its two highest bits set."""
    drawn = int.from_bytes(hashlib.shake_256(seed.encode()).digest(_PRIME_BITS // 8))
    candidate = drawn | (3 << (_PRIME_BITS - 2)) | 1
    while not _is_prime(candidate):
        candidate += 2
    return candidate


def _is_prime(number: int) -> bool:
    """Tell whether a number passes Fermat's test; `cryptography` tries the primes of a key again."""
    is_sieved = math.gcd(number, _SMALL) == 1 and (number - 1) % _EXPONENT != 0
    return is_sieved and all(pow(base, number - 1, number) == 1 for base in _BASES)
