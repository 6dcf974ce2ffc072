package salesforce

import "slices"

// addCurrencies makes the organisation a multi-currency one: every object with
// an amount says in which currency it is. The first currency is the corporate
// one.
func (s *System) addCurrencies(codes []string) {
	if len(codes) == 0 {
		return
	}
	var values []pick
	for i, code := range codes {
		values = append(values, pick{Value: code, Label: code, Active: true, Default: i == 0})
	}
	for _, o := range s.objects {
		if o.name == "Organization" {
			o.add(&field{name: "DefaultCurrencyIsoCode", label: "Currency ISO Code", kind: "picklist", length: 3, nillable: true, picklist: values, filterable: true, sortable: true})
		}
		if !slices.ContainsFunc(o.fields, func(f *field) bool { return f.kind == "currency" }) && o.name != "User" {
			continue
		}
		o.add(&field{
			name: "CurrencyIsoCode", label: "Currency ISO Code", kind: "picklist", length: 3, nillable: true, createable: true, updateable: true, defaulted: true,
			defaultValue: codes[0], restricted: true, picklist: values, filterable: true, sortable: true,
		})
	}
	o := parseObject("CurrencyType|Currency Type|Currency Types|01L|fixed")
	for _, line := range []string{
		"IsoCode|Currency ISO Code|string(3)|name", "ConversionRate|Conversion Rate|double(18,6)|", "DecimalPlaces|Decimal Places|int(2)|",
		"IsActive|Active|boolean|", "IsCorporate|Is Corporate Currency|boolean|",
	} {
		o.add(parseField(line))
	}
	s.finishObject(o)
	s.addObject(o)
}

// seedCurrencies fills in the currencies' rates: each is worth a tenth more than
// the one before.
func (s *System) seedCurrencies(codes []string) {
	at := s.now().AddDate(-2, 0, 0)
	for i, code := range codes {
		rate, corporate := "1", "false"
		if i == 0 {
			corporate = "true"
		} else {
			rate = "1." + itoa(i)
		}
		s.sow("CurrencyType", at, s.users[0].id, map[string]string{"IsoCode": code, "ConversionRate": rate, "DecimalPlaces": "2", "IsActive": "true", "IsCorporate": corporate})
	}
	if len(codes) > 0 {
		org := s.find(s.org)
		org.values["DefaultCurrencyIsoCode"] = codes[0]
	}
}
