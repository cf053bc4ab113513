#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

// The C library's elementary functions: the one file of the domain that knows where they come from.

@inlinable package func exponential(_ x: Double) -> Double { exp(x) }
@inlinable package func naturalLogarithm(_ x: Double) -> Double { log(x) }
@inlinable package func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
@inlinable package func cosine(_ x: Double) -> Double { cos(x) }
@inlinable package func sine(_ x: Double) -> Double { sin(x) }
