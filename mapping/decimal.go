package mapping

import (
	"errors"
	"math/bits"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/tenonsync/tenon/connectors"
)

// short is a decimal of at most 18 digits, coefficient ÷ 10^scale: what nearly
// all numbers of a company are. Sums, products and comparisons of short ones
// cost no garbage; whatever does not fit goes the long way, by apd, with the
// same results.
type short struct {
	coefficient int64
	scale       int // 0 to maxShort
}

// maxShort is how many digits a coefficient holds for certain.
const maxShort = 18

var powers = func() (p [maxShort + 1]int64) {
	p[0] = 1
	for i := 1; i <= maxShort; i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// shortOf reads the normal form of a number; ok is false when it is too long.
func shortOf(canonical string) (d short, ok bool) {
	digits, negative := canonical, false
	if digits != "" && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	if digits == "" || len(digits) > maxShort+1 {
		return short{}, false
	}
	for i := range len(digits) {
		c := digits[i]
		if c == '.' {
			d.scale = len(digits) - i - 1
			continue
		}
		d.coefficient = d.coefficient*10 + int64(c-'0')
	}
	if len(digits) == maxShort+1 && d.scale == 0 || d.scale > maxShort {
		return short{}, false
	}
	if negative {
		d.coefficient = -d.coefficient
	}
	return d, true
}

// aligned brings two decimals to the same scale.
func aligned(a, b short) (x, y int64, scale int, ok bool) {
	if a.scale == b.scale {
		return a.coefficient, b.coefficient, a.scale, true
	}
	if a.scale < b.scale {
		x, ok = multiply(a.coefficient, powers[b.scale-a.scale])
		return x, b.coefficient, b.scale, ok
	}
	y, ok = multiply(b.coefficient, powers[a.scale-b.scale])
	return a.coefficient, y, a.scale, ok
}

func multiply(a, b int64) (product int64, ok bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > 1<<62 {
		return 0, false
	}
	product = int64(low)
	if (a < 0) != (b < 0) {
		product = -product
	}
	return product, true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return uint64(-a)
	}
	return uint64(a)
}

// shortArithmetic computes a op b for +, - and *; ok is false where the long way
// is needed.
func shortArithmetic(op string, a, b short) (out short, ok bool) {
	switch op {
	case "*":
		out.coefficient, ok = multiply(a.coefficient, b.coefficient)
		out.scale = a.scale + b.scale
		return out, ok && out.scale <= maxShort
	case "+", "-":
		x, y, scale, ok := aligned(a, b)
		if op == "-" {
			y = -y
		}
		// Neither is beyond 2^62, so the sum does not overflow.
		return short{x + y, scale}, ok
	}
	return short{}, false
}

// value returns the decimal as a number.
func (d short) value() (value, error) {
	for d.scale > 0 && d.coefficient%10 == 0 {
		d.coefficient, d.scale = d.coefficient/10, d.scale-1
	}
	if d.scale == 0 {
		return one(connectors.Int(d.coefficient)), nil
	}
	var buf [2*maxShort + 3]byte
	digits := strconv.AppendUint(buf[:0], magnitude(d.coefficient), 10)
	var text [2*maxShort + 5]byte
	out := text[:0]
	if d.coefficient < 0 {
		out = append(out, '-')
	}
	whole := len(digits) - d.scale
	if whole <= 0 {
		out = append(out, "0."...)
		for range -whole {
			out = append(out, '0')
		}
		out = append(out, digits...)
	} else {
		out = append(append(append(out, digits[:whole]...), '.'), digits[whole:]...)
	}
	v, err := connectors.ParseNumber(string(out))
	return one(v), err
}

// compareNumbers orders two numbers.
func compareNumbers(a, b value) (int, error) {
	if x, ok := shortOf(a.v.Number()); ok {
		if y, ok := shortOf(b.v.Number()); ok {
			if p, q, _, ok := aligned(x, y); ok {
				switch {
				case p < q:
					return -1, nil
				case p > q:
					return 1, nil
				}
				return 0, nil
			}
		}
	}
	x, y, err := decimals(a, b)
	if err != nil {
		return 0, err
	}
	return x.Cmp(y), nil
}

// calculate computes a op b of two numbers.
func calculate(op string, a, b value) (value, error) {
	if x, ok := shortOf(a.v.Number()); ok {
		if y, ok := shortOf(b.v.Number()); ok {
			if out, ok := shortArithmetic(op, x, y); ok {
				return out.value()
			}
		}
	}
	return calculateLong(op, a, b)
}

// calculateLong is calculate for numbers of any length, and for division.
func calculateLong(op string, a, b value) (value, error) {
	x, y, err := decimals(a, b)
	if err != nil {
		return value{}, err
	}
	var out apd.Decimal
	switch op {
	case "+":
		_, err = exact.Add(&out, x, y)
	case "-":
		_, err = exact.Sub(&out, x, y)
	case "*":
		_, err = exact.Mul(&out, x, y)
	default:
		if y.IsZero() {
			return value{}, errors.New("division by zero")
		}
		if op == "/" {
			_, err = division.Quo(&out, x, y)
		} else {
			_, err = exact.Rem(&out, x, y)
		}
	}
	if err != nil {
		return value{}, errors.New("the result of `" + op + "` is out of range")
	}
	return number(&out)
}
